# Libraries that run alone: in one process, without MPI, HDF5 or LibTorch. Programs link them with all the rest, the Python package links
# nothing else, and with -DDEJAVID_ALONE=ON (which src/python/pyproject.toml says) nothing else is looked for or built.
option(DEJAVID_ALONE "build only the Python package and what it needs: no MPI, no HDF5, no LibTorch, no tests" OFF)

# Position-independent, so that a Python module can hold them; hidden, so that calls within one stay direct.
function(dejavid_add_alone_library name)
  add_library(${name} STATIC ${ARGN})
  set_target_properties(${name} PROPERTIES
    POSITION_INDEPENDENT_CODE ON CXX_VISIBILITY_PRESET hidden VISIBILITY_INLINES_HIDDEN ON)
  target_include_directories(${name} PUBLIC ${PROJECT_SOURCE_DIR})
  target_link_libraries(${name} PRIVATE dejavid::warnings)
endfunction()
