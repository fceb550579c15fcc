# NCCL as the imported target NCCL::nccl.
#
# LibTorch's own first: the wheel beside the torch wheel, so that a program never holds two. Else the system's. The wheel has no
# unversioned libnccl.so: the versioned file is linked, and its folder becomes part of the RUNPATH.
get_filename_component(NCCL_WHEEL ${LibTorch_ROOT_FOUND}/../nvidia/nccl ABSOLUTE)
find_path(NCCL_INCLUDE nccl.h PATHS ${NCCL_WHEEL}/include NO_DEFAULT_PATH NO_CACHE)
find_library(NCCL_LIBRARY libnccl.so.2 PATHS ${NCCL_WHEEL}/lib NO_DEFAULT_PATH NO_CACHE)
if(NOT NCCL_INCLUDE OR NOT NCCL_LIBRARY)
  unset(NCCL_INCLUDE)
  unset(NCCL_LIBRARY)
  find_path(NCCL_INCLUDE nccl.h HINTS ENV NCCL_HOME ${CUDAToolkit_ROOT} PATH_SUFFIXES include NO_CACHE)
  find_library(NCCL_LIBRARY NAMES nccl libnccl.so.2 HINTS ENV NCCL_HOME ${CUDAToolkit_ROOT} PATH_SUFFIXES lib lib64 NO_CACHE)
endif()

if(NCCL_INCLUDE)
  file(STRINGS ${NCCL_INCLUDE}/nccl.h NCCL_VERSION REGEX "define NCCL_(MAJOR|MINOR|PATCH) [0-9]+")
  string(REGEX REPLACE "[^0-9;]" "" NCCL_VERSION "${NCCL_VERSION}")
  string(REPLACE ";" "." NCCL_VERSION "${NCCL_VERSION}")
endif()

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(NCCL REQUIRED_VARS NCCL_LIBRARY NCCL_INCLUDE VERSION_VAR NCCL_VERSION
  REASON_FAILURE_MESSAGE "run launch/install.sh --cuda, or install libnccl-dev")

if(NCCL_FOUND AND NOT TARGET NCCL::nccl)
  add_library(NCCL::nccl SHARED IMPORTED)
  set_target_properties(NCCL::nccl PROPERTIES IMPORTED_LOCATION ${NCCL_LIBRARY} INTERFACE_INCLUDE_DIRECTORIES ${NCCL_INCLUDE})
  target_link_libraries(NCCL::nccl INTERFACE dejavid::cuda_runtime)
  message(STATUS "NCCL ${NCCL_VERSION}: ${NCCL_LIBRARY}")
endif()
