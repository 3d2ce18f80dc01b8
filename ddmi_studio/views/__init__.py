"""One scene a domain: what its view is, and what it offers for rendering and export."""

from __future__ import annotations

from ddmi_studio.state.scene import Scene, Sizes
from ddmi_studio.views.image_view import ImageStage
from ddmi_studio.views.radiance_view import RadianceStage
from ddmi_studio.views.shape_view import ShapeStage
from ddmi_studio.views.video_view import VideoStage

CELLS = Sizes("cells", "Cells along each side of the cube", (64, 128, 256, 384), 128)

SCENES: dict[str, Scene] = {
    "image": Scene(
        domain="image",
        label="Image",
        icon="mdi6.image-outline",
        resolution_label="Resolution",
        unit="px",
        minimum=64,
        maximum=8192,
        default=256,
        has_iso=False,
        formats=((".png", "PNG"), (".jpg", "JPG"), (".webp", "WebP"), (".tiff", "TIFF")),
        export_sizes=(256, 512, 1024, 2048, 4096, 8192),
        export_default=1024,
        build=ImageStage,
        takes=(".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff", ".bmp", ".gif"),
        own="pictures",
    ),
    "shape": Scene(
        domain="shape",
        label="Shape",
        icon="mdi6.cube-outline",
        resolution_label="Mesh resolution",
        unit="cells",
        minimum=32,
        maximum=512,
        default=128,
        has_iso=True,
        formats=((".glb", "GLB"), (".obj", "OBJ"), (".ply", "PLY"), (".stl", "STL")),
        export_sizes=(64, 128, 256, 384, 512),
        export_default=256,
        build=ShapeStage,
        takes=(".glb", ".gltf", ".obj", ".ply", ".stl", ".off", ".xyz", ".npy", ".npz"),
        own="meshes and point clouds",
        upright=True,
        modules=("ddmi_studio.views.mesh_canvas",),
    ),
    "nerf": Scene(
        domain="nerf",
        label="Radiance field",
        icon="mdi6.orbit",
        resolution_label="Resolution",
        unit="px",
        minimum=64,
        maximum=1024,
        default=256,
        has_iso=False,
        formats=((".mp4", "MP4"), (".gif", "GIF"), ("", "Frames"), (".png", "PNG"), (".glb", "GLB"), (".ply", "PLY")),
        export_sizes=(128, 256, 512, 768, 1024),
        export_default=256,
        build=RadianceStage,
        takes=(".glb", ".gltf", ".obj", ".ply", ".npy", ".npz", ".json"),
        own="coloured meshes, coloured points and posed pictures",
        folder_marks=("transforms.json", "transforms_train.json", "intrinsics.txt"),
        upright=True,
        modules=("scipy.interpolate",),
        has_cameras=True,
        own_sizes={".glb": CELLS, ".ply": CELLS},
    ),
    "video": Scene(
        domain="video",
        label="Video",
        icon="mdi6.filmstrip",
        resolution_label="Size",
        unit="px",
        minimum=64,
        maximum=1024,
        default=256,
        has_iso=False,
        formats=((".mp4", "MP4"), (".webm", "WebM"), (".gif", "GIF"), ("", "Frames")),
        export_sizes=(128, 256, 512, 768, 1024),
        export_default=512,
        build=VideoStage,
        takes=(".mp4", ".webm", ".gif", ".mov", ".avi", ".mkv", ".m4v"),
        own="clips and folders of frames",
        folder_marks=(),
    ),
}
