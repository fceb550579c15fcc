# -DDEJAVID_SANITIZE=address,undefined,float-cast-overflow or thread; the presets asan, tsan and fuzz set it.
set(DEJAVID_SANITIZE "" CACHE STRING "sanitizers to build with, as -fsanitize has them")
if(DEJAVID_SANITIZE)
  # GCC's analysis of uninitialised variables gives false alarms in instrumented library code; the plain build keeps it on.
  add_compile_options(-fsanitize=${DEJAVID_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer
    $<$<CXX_COMPILER_ID:GNU>:-Wno-maybe-uninitialized>)
  add_link_options(-fsanitize=${DEJAVID_SANITIZE})
endif()
