# Threads within a rank. A flag, not find_package(OpenMP): that names the compiler's libgomp by its path, and LibTorch brings another
# file of the same name; whichever the loader finds first serves both.
add_library(dejavid_openmp INTERFACE)
add_library(dejavid::openmp ALIAS dejavid_openmp)
target_compile_options(dejavid_openmp INTERFACE $<$<COMPILE_LANGUAGE:CXX>:-fopenmp>)
target_link_options(dejavid_openmp INTERFACE -fopenmp)
