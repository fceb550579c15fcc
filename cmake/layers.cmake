# Arrows go one way: kernels, io and dist know nothing of each other; src knows all three.
# Linking already keeps LibTorch, MPI and HDF5 out of a layer that does not link them;
# this looks at every #include as well, so that no header slips through a shared include path.
function(check_layer layer)
  file(GLOB_RECURSE sources ${PROJECT_SOURCE_DIR}/${layer}/*.hpp ${PROJECT_SOURCE_DIR}/${layer}/*.cpp
    ${PROJECT_SOURCE_DIR}/${layer}/*.inl ${PROJECT_SOURCE_DIR}/${layer}/*.cu ${PROJECT_SOURCE_DIR}/${layer}/*.cuh)
  foreach(source IN LISTS sources)
    file(STRINGS ${source} includes REGEX "^[ \t]*#[ \t]*include")
    foreach(include IN LISTS includes)
      foreach(forbidden IN LISTS ARGN)
        if(include MATCHES "[<\"]${forbidden}")
          file(RELATIVE_PATH where ${PROJECT_SOURCE_DIR} ${source})
          message(FATAL_ERROR "layer ${layer} must not know ${forbidden}: ${where} has ${include}")
        endif()
      endforeach()
    endforeach()
  endforeach()
endfunction()

function(check_layers)
  check_layer(kernels torch/ ATen/ c10/ mpi\\.h hdf5 nccl io/ dist/ src/ dejavid/ config/ run/ fmt/ spdlog/)
  check_layer(io torch/ ATen/ c10/ mpi\\.h nccl kernels/ dist/ src/ dejavid/ config/ run/)
  check_layer(dist torch/ ATen/ c10/ hdf5 kernels/ io/ src/ dejavid/ config/ run/)
endfunction()
