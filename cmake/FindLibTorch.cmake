# LibTorch as imported targets LibTorch::cpu and (with the full wheel) LibTorch::cuda.
#
# Looked for in DEJAVID_LIBTORCH (a folder with include/ and lib/), else in the project's .venv.
# The wheel's own TorchConfig asks for a CUDA toolkit even for a CPU program and fixes CUDA architectures by itself, hence this module.
set(DEJAVID_LIBTORCH "" CACHE PATH "folder of a LibTorch (with include/ and lib/); empty: the torch wheel in .venv")

if(DEJAVID_LIBTORCH)
  set(LibTorch_ROOT_FOUND ${DEJAVID_LIBTORCH})
  set(LibTorch_ORIGIN "DEJAVID_LIBTORCH")
else()
  file(GLOB LibTorch_ROOT_FOUND ${PROJECT_SOURCE_DIR}/.venv/lib/python3*/site-packages/torch)
  set(LibTorch_ORIGIN "the torch wheel in .venv")
endif()

find_library(LibTorch_C10 c10 PATHS ${LibTorch_ROOT_FOUND}/lib NO_DEFAULT_PATH NO_CACHE)
find_library(LibTorch_CPU torch_cpu PATHS ${LibTorch_ROOT_FOUND}/lib NO_DEFAULT_PATH NO_CACHE)
find_library(LibTorch_C10_CUDA c10_cuda PATHS ${LibTorch_ROOT_FOUND}/lib NO_DEFAULT_PATH NO_CACHE)
find_library(LibTorch_CUDA torch_cuda PATHS ${LibTorch_ROOT_FOUND}/lib NO_DEFAULT_PATH NO_CACHE)

file(GLOB LibTorch_VERSION_HEADERS ${LibTorch_ROOT_FOUND}/include/torch/headeronly/version.h
  ${LibTorch_ROOT_FOUND}/include/torch/version.h ${LibTorch_ROOT_FOUND}/include/torch/csrc/api/include/torch/version.h)
foreach(header IN LISTS LibTorch_VERSION_HEADERS) # one of them has the numbers, which one depends on the version
  file(STRINGS ${header} LibTorch_NUMBERS REGEX "define TORCH_VERSION_[MP][A-Z]+ [0-9]+")
  if(LibTorch_NUMBERS)
    string(REGEX REPLACE "[^0-9;]" "" LibTorch_VERSION "${LibTorch_NUMBERS}")
    string(REPLACE ";" "." LibTorch_VERSION "${LibTorch_VERSION}")
  endif()
endforeach()

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(LibTorch
  REQUIRED_VARS LibTorch_CPU LibTorch_C10 VERSION_VAR LibTorch_VERSION
  REASON_FAILURE_MESSAGE "run launch/install.sh, or set -DDEJAVID_LIBTORCH=FOLDER")

if(LibTorch_FOUND AND NOT TARGET LibTorch::cpu)
  add_library(LibTorch::c10 SHARED IMPORTED)
  set_target_properties(LibTorch::c10 PROPERTIES IMPORTED_LOCATION ${LibTorch_C10})
  add_library(LibTorch::cpu SHARED IMPORTED)
  set_target_properties(LibTorch::cpu PROPERTIES
    IMPORTED_LOCATION ${LibTorch_CPU}
    INTERFACE_INCLUDE_DIRECTORIES "${LibTorch_ROOT_FOUND}/include;${LibTorch_ROOT_FOUND}/include/torch/csrc/api/include"
    INTERFACE_LINK_LIBRARIES LibTorch::c10)
  # The slim wheel keeps libcupti and libcudart, which libtorch_cpu needs, in sibling folders that its own RUNPATH names.
  target_link_options(LibTorch::cpu INTERFACE -Wl,--allow-shlib-undefined)
  message(STATUS "LibTorch ${LibTorch_VERSION} from ${LibTorch_ORIGIN}: ${LibTorch_ROOT_FOUND}")
  if(LibTorch_CUDA AND LibTorch_C10_CUDA)
    add_library(LibTorch::cuda SHARED IMPORTED)
    set_target_properties(LibTorch::cuda PROPERTIES IMPORTED_LOCATION ${LibTorch_CUDA} INTERFACE_LINK_LIBRARIES "LibTorch::cpu;${LibTorch_C10_CUDA}")
  endif()
endif()
