"""Compile the kernels: every `.pyx` under `src/datumaro/kernels` becomes one extension module."""

import os
from pathlib import Path

from Cython.Build import cythonize
from setuptools import Extension, setup

KERNELS = Path("src/datumaro/kernels")
SHARED = [str(path) for path in sorted(KERNELS.glob("*.pxd"))]
FLAGS = [] if os.name == "nt" else ["-O3", "-g0", "-fno-strict-aliasing"]

setup(
    ext_modules=cythonize(
        [
            Extension(
                f"datumaro.kernels.{path.stem}",
                [str(path)],
                depends=SHARED,  # a changed .pxd recompiles what may include it
                extra_compile_args=FLAGS,
            )
            for path in sorted(KERNELS.glob("*.pyx"))
        ],
        compiler_directives={
            "language_level": 3,
            "boundscheck": False,
            "wraparound": False,
            "cdivision": True,
            "initializedcheck": False,
        },
    ),
    options={"build_ext": {"parallel": os.cpu_count() or 1}},
)
