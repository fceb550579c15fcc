# Libraries that run alone: in one process, without MPI or HDF5. Programs link them with all the rest, the Python package links
# nothing else, and with -DDEJAVID_ALONE=ON (which src/python/pyproject.toml says) nothing else is looked for or built.
option(DEJAVID_ALONE "build only the Python package and what it needs: no MPI, no HDF5, no tests" OFF)

# Position-independent, so that a Python module can hold them; hidden, so that calls within one stay direct.
function(dejavid_add_alone_library name)
  add_library(${name} STATIC ${ARGN})
  set_target_properties(${name} PROPERTIES
    POSITION_INDEPENDENT_CODE ON CXX_VISIBILITY_PRESET hidden VISIBILITY_INLINES_HIDDEN ON)
  target_include_directories(${name} PUBLIC ${PROJECT_SOURCE_DIR})
  target_link_libraries(${name} PRIVATE dejavid::warnings)
endfunction()

# LibTorch, where the Python that the package is for has torch: the package's parts that need it are built then, and only then.
# A build in isolation (pip's) still asks that Python, not its own environment.
macro(find_torch_of_python)
  find_package(Python 3.10 REQUIRED COMPONENTS Interpreter)
  if(NOT DEJAVID_LIBTORCH AND EXISTS ${Python_SITEARCH}/torch/include)
    set(DEJAVID_LIBTORCH ${Python_SITEARCH}/torch)
  endif()
  if(DEJAVID_LIBTORCH)
    find_package(LibTorch REQUIRED)
  else()
    message(STATUS "LibTorch: ${Python_EXECUTABLE} has no torch; built without what needs it")
  endif()
endmacro()
