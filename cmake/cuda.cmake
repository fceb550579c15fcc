# -DDEJAVID_CUDA=ON (the preset cuda): the CUDA language, the targets dejavid::cuda_runtime and NCCL::nccl, and how .cu files are compiled.
option(DEJAVID_CUDA "build for NVIDIA GPUs as well" OFF)
if(NOT DEJAVID_CUDA)
  return()
endif()

# nvcc: as told, else in PATH, else the usual place, else the cuda-toolkit wheel that launch/install.sh --cuda put into .venv.
if(NOT CMAKE_CUDA_COMPILER AND NOT DEFINED ENV{CUDACXX})
  file(GLOB DEJAVID_NVCC_WHEEL ${PROJECT_SOURCE_DIR}/.venv/lib/python3*/site-packages/nvidia/cu13/bin)
  find_program(CMAKE_CUDA_COMPILER nvcc PATHS /usr/local/cuda/bin ${DEJAVID_NVCC_WHEEL})
  if(NOT CMAKE_CUDA_COMPILER)
    unset(CMAKE_CUDA_COMPILER CACHE)
    message(FATAL_ERROR "no nvcc found in CUDACXX, PATH, /usr/local/cuda/bin or .venv; run launch/install.sh --cuda")
  endif()
endif()
if(NOT DEFINED CMAKE_CUDA_ARCHITECTURES)
  set(CMAKE_CUDA_ARCHITECTURES 80-real 90-real 90-virtual CACHE STRING "GPU architectures: machine code of sm_80 and sm_90, PTX for later ones")
endif()
set(nvcc $ENV{CUDACXX})
if(CMAKE_CUDA_COMPILER)
  set(nvcc ${CMAKE_CUDA_COMPILER})
endif()
if(nvcc MATCHES "^(.*/nvidia/cu[0-9]+)/bin/nvcc$")
  # The wheel keeps its libraries in lib, where its nvcc does not look (this helps the trial programs of the configuration), and has
  # no unversioned libcudart.so, which CMake insists on although the static one is linked.
  set(ENV{LIBRARY_PATH} "${CMAKE_MATCH_1}/lib:$ENV{LIBRARY_PATH}")
  file(GLOB wheel_cudart ${CMAKE_MATCH_1}/lib/libcudart.so.*)
  set(CUDA_CUDART ${wheel_cudart} CACHE FILEPATH "the CUDA runtime of the cuda-toolkit wheel")
endif()
enable_language(CUDA)
if(CMAKE_CUDA_COMPILER_VERSION VERSION_LESS 12.0)
  message(FATAL_ERROR "found nvcc ${CMAKE_CUDA_COMPILER_VERSION} (${CMAKE_CUDA_COMPILER}), expected 12.0 or later: set CUDACXX to a later one")
endif()
if(NOT CMAKE_CUDA20_STANDARD_COMPILE_OPTION) # CMake 3.25 does not know that nvcc takes C++20
  set(CMAKE_CUDA20_STANDARD_COMPILE_OPTION -std=c++20)
  set(CMAKE_CUDA20_EXTENSION_COMPILE_OPTION -std=c++20)
endif()
if(CCACHE)
  set(CMAKE_CUDA_COMPILER_LAUNCHER ${CCACHE})
endif()

if(NOT CUDAToolkit_ROOT) # the toolkit of this nvcc, whatever else the machine has
  set(CUDAToolkit_ROOT ${CMAKE_CUDA_COMPILER_TOOLKIT_ROOT})
endif()
find_package(CUDAToolkit REQUIRED)
find_package(NCCL 2.18 REQUIRED) # 2.18: ncclCommSplit and the configuration of non-blocking communicators

# For host code that calls the CUDA runtime. Static: a program starts where no toolkit is installed.
add_library(dejavid_cuda_runtime INTERFACE)
add_library(dejavid::cuda_runtime ALIAS dejavid_cuda_runtime)
target_link_libraries(dejavid_cuda_runtime INTERFACE CUDA::cudart_static)

# For .cu files. Relaxed: constexpr functions of plain headers serve in kernels as well. ptxas reports registers and spills of every kernel.
add_library(dejavid_cuda_options INTERFACE)
add_library(dejavid::cuda_options ALIAS dejavid_cuda_options)
target_compile_options(dejavid_cuda_options INTERFACE $<$<COMPILE_LANGUAGE:CUDA>:
  -O3 -lineinfo --expt-relaxed-constexpr --Werror=all-warnings -Xcompiler=-Wall,-Wextra,-Wshadow,-Wconversion,-Wsign-conversion,-Werror -Xptxas=-v>)
