"""What pyproject.toml cannot say: the top-level folder assets/ is installed as ddmi_models/assets."""

from setuptools import find_packages, setup

setup(
    packages=[*find_packages(include=["ddmi_models*", "ddmi_studio*"]), "ddmi_models.assets"],
    package_dir={"ddmi_models.assets": "assets"},
    package_data={"ddmi_models.assets": ["**/*"], "ddmi_models": ["py.typed"]},
    include_package_data=False,
)
