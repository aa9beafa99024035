# How rooms, programs and tests are declared.
#
#   framemill_room(NAME [FOLDERS folder...] [USES room...] [LINKS lib...] [PRIVATE_LINKS lib...])
#       A static library framemill_NAME from every .cpp of the current directory (main.cpp and *_main.cpp excepted) and of
#       the FOLDERS in it, its headers as a verified header set, include root at the top of the tree.
#   framemill_program(NAME SOURCE USES room...)
#       A program in build/<preset>/bin.
#   framemill_tests(NAME USES room... [PROPERTIES ctest properties...])
#       A Catch2 program test_NAME from every .cpp of the current directory; each test case is a ctest test.

add_library(framemill_options INTERFACE)
target_compile_options(framemill_options INTERFACE -Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor -Woverloaded-virtual)
if(CMAKE_CXX_COMPILER_ID STREQUAL GNU)
  # GCC 12 and 13 see overlapping copies in std::string's operator+ that are not there (GCC bug 105651).
  target_compile_options(framemill_options INTERFACE -Wno-restrict)
endif()
# A release build must keep bit-equal arithmetic: no contraction of a*b+c behind our back (see docs/noise.md).
target_compile_options(framemill_options INTERFACE -ffp-contract=off -fno-fast-math)
target_include_directories(framemill_options INTERFACE ${CMAKE_SOURCE_DIR} ${CMAKE_BINARY_DIR})
if(FRAMEMILL_WERROR)
  target_compile_options(framemill_options INTERFACE -Werror)
endif()
if(FRAMEMILL_SANITIZE)
  target_compile_options(framemill_options INTERFACE -fsanitize=${FRAMEMILL_SANITIZE} -fno-omit-frame-pointer -g)
  target_link_options(framemill_options INTERFACE -fsanitize=${FRAMEMILL_SANITIZE})
  if(CMAKE_CXX_COMPILER_ID STREQUAL GNU)
    # With sanitizers GCC 12 finds uninitialised members and short strings overrun in the standard library's own
    # std::function, std::regex and std::string.
    target_compile_options(framemill_options INTERFACE -Wno-maybe-uninitialized -Wno-array-bounds -Wno-stringop-overflow)
    if(FRAMEMILL_SANITIZE STREQUAL thread)
      # Asio's fences are unknown to the thread sanitizer; its queues are behind mutexes, which are not.
      target_compile_options(framemill_options INTERFACE -Wno-tsan)
    endif()
  endif()
endif()

# For scripts/mutate: which lines of these files do tests run?
set(FRAMEMILL_COUNTED "" CACHE STRING "Files to build with gcov's counters")
if(FRAMEMILL_COUNTED)
  target_link_options(framemill_options INTERFACE --coverage)
endif()

find_program(CCACHE_PROGRAM ccache)
if(CCACHE_PROGRAM)
  set(CMAKE_CXX_COMPILER_LAUNCHER
      ${CMAKE_COMMAND} -E env CCACHE_BASEDIR=${CMAKE_SOURCE_DIR} CCACHE_NOHASHDIR=1 CCACHE_SLOPPINESS=pch_defines,time_macros
      ${CCACHE_PROGRAM})
endif()

function(_framemill_room_targets out)
  set(targets)
  foreach(room IN LISTS ARGN)
    list(APPEND targets framemill_${room})
  endforeach()
  set(${out} ${targets} PARENT_SCOPE)
endfunction()

# Of `headers` those that no file of `sources` proves to compile alone: that the first line a source file includes is its
# own header is such a proof, and a cheaper one than compiling each header once more.
function(_framemill_unproven_headers out headers sources)
  set(unproven)
  foreach(header IN LISTS headers)
    string(REGEX REPLACE "\\.h$" ".cpp" source "${header}")
    set(first)
    if(source IN_LIST sources)
      file(STRINGS "${source}" first REGEX "^#include" LIMIT_COUNT 1)
    endif()
    file(RELATIVE_PATH path ${CMAKE_SOURCE_DIR} "${header}")
    if(NOT first STREQUAL "#include \"${path}\"")
      list(APPEND unproven ${header})
    endif()
  endforeach()
  set(${out} ${unproven} PARENT_SCOPE)
endfunction()

function(framemill_room name)
  cmake_parse_arguments(ARG "" "" "FOLDERS;USES;LINKS;PRIVATE_LINKS" ${ARGN})
  set(source_patterns ${CMAKE_CURRENT_SOURCE_DIR}/*.cpp)
  set(header_patterns ${CMAKE_CURRENT_SOURCE_DIR}/*.h)
  foreach(folder IN LISTS ARG_FOLDERS)
    list(APPEND source_patterns ${CMAKE_CURRENT_SOURCE_DIR}/${folder}/*.cpp)
    list(APPEND header_patterns ${CMAKE_CURRENT_SOURCE_DIR}/${folder}/*.h)
  endforeach()
  file(GLOB sources CONFIGURE_DEPENDS ${source_patterns})
  list(FILTER sources EXCLUDE REGEX "main\\.cpp$")
  file(GLOB headers CONFIGURE_DEPENDS ${header_patterns})
  _framemill_room_targets(rooms ${ARG_USES})
  foreach(counted IN LISTS FRAMEMILL_COUNTED)
    if(counted IN_LIST sources)
      set_source_files_properties(${counted} PROPERTIES COMPILE_OPTIONS --coverage)
    endif()
  endforeach()
  if(sources)
    add_library(framemill_${name} STATIC ${sources})
    target_link_libraries(framemill_${name} PUBLIC framemill_options ${rooms} ${ARG_LINKS} PRIVATE ${ARG_PRIVATE_LINKS})
    set(scope PUBLIC)
    if(FRAMEMILL_UNITY AND NOT name IN_LIST FRAMEMILL_ROOMS_WITHOUT_UNITY)
      set_target_properties(framemill_${name} PROPERTIES UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE ${FRAMEMILL_UNITY_BATCH})
    endif()
    if(FRAMEMILL_PCH AND NOT name IN_LIST FRAMEMILL_ROOMS_WITH_OWN_PCH)
      target_precompile_headers(framemill_${name} REUSE_FROM framemill_pch)
    endif()
  else()
    add_library(framemill_${name} INTERFACE)
    target_link_libraries(framemill_${name} INTERFACE framemill_options ${rooms} ${ARG_LINKS})
    set(scope INTERFACE)
  endif()
  _framemill_unproven_headers(unproven "${headers}" "${sources}")
  if(unproven)  # what "tidy: every header compiles alone" compiles
    target_sources(framemill_${name} ${scope} FILE_SET HEADERS BASE_DIRS ${CMAKE_SOURCE_DIR} FILES ${unproven})
  endif()
  set_property(GLOBAL APPEND PROPERTY FRAMEMILL_ROOMS framemill_${name})
endfunction()

function(framemill_program name source)
  cmake_parse_arguments(ARG "" "" "USES;LINKS" ${ARGN})
  _framemill_room_targets(rooms ${ARG_USES})
  add_executable(${name} ${source})
  target_link_libraries(${name} PRIVATE framemill_options ${rooms} ${ARG_LINKS})
endfunction()

function(framemill_tests name)
  cmake_parse_arguments(ARG "" "" "USES;LINKS;PROPERTIES" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.cpp)
  if(NOT sources)
    return()
  endif()
  _framemill_room_targets(rooms ${ARG_USES})
  add_executable(test_${name} ${sources})
  target_link_libraries(test_${name} PRIVATE framemill_options framemill_test_main ${rooms} ${ARG_LINKS})
  target_compile_definitions(test_${name} PRIVATE
    FRAMEMILL_SOURCE_DIR="${CMAKE_SOURCE_DIR}" FRAMEMILL_BIN_DIR="${CMAKE_BINARY_DIR}/bin")
  # "-w NoTests": a name that matches no test case fails instead of passing with nothing run.
  catch_discover_tests(test_${name} TEST_PREFIX "${name}: " DISCOVERY_MODE PRE_TEST EXTRA_ARGS -w NoTests
    # Property tests draw the same cases every time here; scripts/soak draws new ones.
    PROPERTIES TIMEOUT 300 ENVIRONMENT "RC_PARAMS=seed=20261122" ${ARG_PROPERTIES})
  set_property(GLOBAL APPEND PROPERTY FRAMEMILL_TEST_PROGRAMS ${name})
endfunction()

# Several files of a room compiled as one, where FRAMEMILL_UNITY is on (the demo's build). Names in a room's unnamed
# namespaces are therefore unique in the room: the test "tidy: rooms compile as one unit" holds them so. Left out: the
# verbs, each of which has its Options, and media and frames, where OpenImageIO's byte-order macros meet protobuf's.
set(FRAMEMILL_ROOMS_WITHOUT_UNITY cli_verbs worker_media worker_frames wire_generated)

# One precompiled header for all rooms: what nearly every file includes. Only where FRAMEMILL_PCH is on (the demo's build,
# which has to be quick on two cores); the dev build does without, so that every file includes what it uses.
set(FRAMEMILL_ROOMS_WITH_OWN_PCH cli cli_verbs gpu_torch train score catalogue)
if(FRAMEMILL_PCH)
  file(GENERATE OUTPUT ${CMAKE_BINARY_DIR}/framemill_pch.cpp CONTENT "")
  add_library(framemill_pch OBJECT ${CMAKE_BINARY_DIR}/framemill_pch.cpp)
  target_link_libraries(framemill_pch PRIVATE framemill_options fmt::fmt)
  target_precompile_headers(framemill_pch PRIVATE <algorithm> <array> <cstdint> <cstring> <filesystem> <functional> <map>
    <memory> <optional> <set> <span> <string> <string_view> <unordered_map> <utility> <variant> <vector> <fmt/format.h>)
endif()
