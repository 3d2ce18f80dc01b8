"""`ddmi doctor`."""

from __future__ import annotations

from ddmi_models.cli.session import Debug, Json, Session, put_json, set_debug

GIGABYTE = 1e9


def doctor(as_json: Json = False, debug: Debug = False) -> None:
    """Versions, devices, OpenGL, models: what works and what does not, and why."""
    from ddmi_models.requests import Doctor

    set_debug(debug)
    found = Session().ask(Doctor())
    if as_json:
        put_json(found)
        return
    print(f"DDMI Studio {found['program']}, Python {found['python']}, {found['system']}")
    for name, version in found["packages"].items():
        print(f"  {name:<20} {version or 'missing'}")
    for device in found["devices"]:
        extra = f", {device['threads']} threads" if "threads" in device else ""
        print(f"Device {device['name']}: {device['label']}{extra}")
    memory = found["memory"]
    print(f"Memory: {memory['available'] / GIGABYTE:.1f} of {memory['total'] / GIGABYTE:.1f} GB free")
    opengl = found["opengl"]
    print(f"OpenGL: {opengl['version'] if opengl['works'] else 'no (' + opengl['why'] + ')'}")
    print(f"Folder for models: {found['data_folder']}")
    print("Models: " + (", ".join(f"{m['name']} ({m['domain']}, {m['source']})" for m in found["models"]) or "none"))
    for problem in found["problems"]:
        print(f"Problem: {problem}")
    if not found["problems"]:
        print("Everything works.")
