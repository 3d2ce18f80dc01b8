"""`--faces`: meshes of about so many triangles, from a sample and from a file made before; what has none is refused."""

from __future__ import annotations

import trimesh


def test_meshes_are_simplified(ddmi, home) -> None:
    code, _, said = ddmi("generate", "small-shape", "--resolution", 24, "--faces", 1500, "--out", "a.glb")
    assert code == 0, said
    assert 1300 < len(trimesh.load("a.glb", force="mesh", process=False).faces) <= 1500
    code, _, said = ddmi("render", "a.glb", "--resolution", 24, "--faces", 200, "--out", "b.stl")
    faces = len(trimesh.load("b.stl", process=False).faces)
    assert code == 0 and f"{faces} faces" in said and "damage" in said


def test_pictures_have_no_faces(ddmi, home) -> None:
    code, _, said = ddmi("generate", "small-shape", "--faces", 500, "--out", "a.png")
    assert code == 1 and "no faces to count" in said
