"""Compile the kernels: every `.pyx` under `src/datumaro/kernels` becomes one extension module."""

from pathlib import Path

from Cython.Build import cythonize
from setuptools import Extension, setup

KERNELS = sorted(Path("src/datumaro/kernels").glob("*.pyx"))

setup(
    ext_modules=cythonize(
        [
            Extension(
                f"datumaro.kernels.{path.stem}",
                [str(path)],
                extra_compile_args=["-O3", "-fno-strict-aliasing"],
            )
            for path in KERNELS
        ],
        compiler_directives={
            "language_level": 3,
            "boundscheck": False,
            "wraparound": False,
            "cdivision": True,
            "initializedcheck": False,
        },
    )
)
