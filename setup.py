"""What pyproject.toml cannot say: the top-level folder assets/ is installed as ddmi_models/assets."""

import shutil
from pathlib import Path

from setuptools import find_packages, setup
from setuptools.command.build_py import build_py


class BuildWithAssets(build_py):
    def run(self) -> None:
        super().run()
        if not self.editable_mode:  # a checkout finds assets/ where it lies (ddmi_models/resources.py)
            shutil.copytree("assets", Path(self.build_lib, "ddmi_models", "assets"), dirs_exist_ok=True)


setup(
    packages=find_packages(include=["ddmi_models*", "ddmi_studio*"]),
    package_dir={"": "."},
    package_data={"": ["py.typed", "**/*.yaml", "**/*.json", "**/*.txt"]},
    include_package_data=False,
    cmdclass={"build_py": BuildWithAssets},
)
