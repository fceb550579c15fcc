# One INTERFACE target that every target of the project links: what the compiler must say, and that it is an error.
add_library(dejavid_warnings INTERFACE)
add_library(dejavid::warnings ALIAS dejavid_warnings)
target_compile_options(dejavid_warnings INTERFACE
  $<$<COMPILE_LANGUAGE:CXX>:-Wall -Wextra -Wshadow -Wconversion -Wsign-conversion -Wnon-virtual-dtor -Woverloaded-virtual -Werror>)
