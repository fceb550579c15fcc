# How tests are added, in one place.
#   dejavid_add_test(NAME SOURCES ... [LIBRARIES ...] [LABELS ...] [SLOW])     a GoogleTest program, one CTest test
#   dejavid_add_mpi_test(NAME RANKS 1 2 3 SOURCES ... [LIBRARIES ...] [LABELS ...])    the same program under mpirun, one CTest test a rank count;
#                                                                             no process may be left behind
#   dejavid_add_python_test(NAME FILE [LABELS ...] [PROCESSORS n])             a Python unittest file over the built programs
# The label `fast` is for what runs in under a minute altogether on two cores: GoogleTest programs that are not SLOW, and what names it.
find_package(GTest REQUIRED)

set(DEJAVID_PYTHON ${PROJECT_SOURCE_DIR}/.venv/bin/python)
set(DEJAVID_TEST_ENVIRONMENT
  "DEJAVID_BIN=${CMAKE_RUNTIME_OUTPUT_DIRECTORY};DEJAVID_SOURCE=${PROJECT_SOURCE_DIR};OMPI_ALLOW_RUN_AS_ROOT=1;OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1;OMPI_MCA_rmaps_base_oversubscribe=1;OMPI_MCA_btl_vader_single_copy_mechanism=none")

if(DEJAVID_SANITIZE MATCHES thread)
  string(APPEND DEJAVID_TEST_ENVIRONMENT ";TSAN_OPTIONS=suppressions=${PROJECT_SOURCE_DIR}/tests/thread_sanitizer.supp")
endif()

# Open MPI keeps memory to its end, partly in plug-ins that it has unloaded by then, where no suppression finds it: tests that start
# it look for every other error, and leaks of our own show in the tests that do not.
set(DEJAVID_MPI_TEST_ENVIRONMENT "${DEJAVID_TEST_ENVIRONMENT};ASAN_OPTIONS=detect_leaks=0")

# CTest counts a program as skipped, whatever its exit code, where its output matches: either GoogleTest skipped every test, or some for
# want of a GPU. The last line is then a skipped test's; after a failure it is not. mpirun has GoogleTest colour its words.
set(DEJAVID_LAST_SKIPPED "\\[  SKIPPED \\] [^\n]*[\r\n]*$")
set(DEJAVID_SKIPPED "\\[  PASSED  \\] [^0-9]*0 tests\\..*${DEJAVID_LAST_SKIPPED};found no GPU.*${DEJAVID_LAST_SKIPPED}")

# What nearly every test includes, compiled once. A test whose flags do not fit it says so: the compiler warns.
file(WRITE ${PROJECT_BINARY_DIR}/test_headers.cpp.new "")
file(COPY_FILE ${PROJECT_BINARY_DIR}/test_headers.cpp.new ${PROJECT_BINARY_DIR}/test_headers.cpp ONLY_IF_DIFFERENT)
add_library(dejavid_test_headers OBJECT ${PROJECT_BINARY_DIR}/test_headers.cpp)
target_link_libraries(dejavid_test_headers PRIVATE dejavid::warnings GTest::gtest)
target_compile_options(dejavid_test_headers PRIVATE -O1)
target_precompile_headers(dejavid_test_headers PRIVATE <gtest/gtest.h> <algorithm> <cmath> <cstdint> <filesystem> <fstream>
  <functional> <limits> <random> <span> <string> <vector>)

function(dejavid_add_test name)
  cmake_parse_arguments(PARSE_ARGV 1 test "SLOW" "" "SOURCES;LIBRARIES;LABELS")
  if(NOT test_SLOW)
    list(APPEND test_LABELS fast)
  endif()
  add_executable(${name} ${test_SOURCES})
  target_link_libraries(${name} PRIVATE dejavid::warnings GTest::gtest GTest::gtest_main ${test_LIBRARIES})
  target_compile_options(${name} PRIVATE -O1) # a test's own lines are compiled far more often than they are waited for
  target_precompile_headers(${name} REUSE_FROM dejavid_test_headers)
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/tests)
  add_test(NAME ${name} COMMAND ${name})
  set_tests_properties(${name} PROPERTIES LABELS "unit;${test_LABELS}" TIMEOUT 1200 ENVIRONMENT "${DEJAVID_TEST_ENVIRONMENT}"
    SKIP_REGULAR_EXPRESSION "${DEJAVID_SKIPPED}")
endfunction()

function(dejavid_add_mpi_test name)
  cmake_parse_arguments(PARSE_ARGV 1 test "" "" "RANKS;SOURCES;LIBRARIES;LABELS")
  add_executable(${name} ${test_SOURCES}) # brings its own main, which starts MPI
  target_link_libraries(${name} PRIVATE dejavid::warnings GTest::gtest ${test_LIBRARIES})
  target_compile_options(${name} PRIVATE -O1) # a test's own lines are compiled far more often than they are waited for
  target_precompile_headers(${name} REUSE_FROM dejavid_test_headers)
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/tests)
  foreach(ranks IN LISTS test_RANKS)
    add_test(NAME ${name}_${ranks}_ranks
      COMMAND ${DEJAVID_PYTHON} ${PROJECT_SOURCE_DIR}/tests/jobs.py 270
        ${MPIEXEC_EXECUTABLE} --oversubscribe ${MPIEXEC_NUMPROC_FLAG} ${ranks} $<TARGET_FILE:${name}>)
    set_tests_properties(${name}_${ranks}_ranks PROPERTIES LABELS "mpi;${test_LABELS}" TIMEOUT 600 PROCESSORS 2
      ENVIRONMENT "${DEJAVID_MPI_TEST_ENVIRONMENT}" SKIP_REGULAR_EXPRESSION "${DEJAVID_SKIPPED}")
  endforeach()
endfunction()

function(dejavid_add_python_test name file)
  cmake_parse_arguments(PARSE_ARGV 2 test "" "PROCESSORS" "LABELS")
  if(NOT test_PROCESSORS)
    set(test_PROCESSORS 2)
  endif()
  add_test(NAME ${name} COMMAND ${DEJAVID_PYTHON} -m unittest -v ${file} WORKING_DIRECTORY ${CMAKE_CURRENT_SOURCE_DIR})
  set_tests_properties(${name} PROPERTIES LABELS "end_to_end;${test_LABELS}" TIMEOUT 1200 PROCESSORS ${test_PROCESSORS}
    ENVIRONMENT "${DEJAVID_MPI_TEST_ENVIRONMENT};PYTHONDONTWRITEBYTECODE=1")
endfunction()
