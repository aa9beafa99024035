# Every outside library, as an imported target framemill::<what>. Debian 12 packages, but for LibTorch (the pinned torch
# wheel that scripts/bootstrap unpacks).
find_package(Threads REQUIRED)
find_package(PkgConfig REQUIRED)
find_package(Boost 1.81 REQUIRED COMPONENTS json url)
find_package(fmt REQUIRED)
find_package(spdlog REQUIRED)
find_package(Protobuf REQUIRED)
find_package(OpenSSL REQUIRED)
pkg_check_modules(zmq REQUIRED IMPORTED_TARGET libzmq)
find_path(CPPZMQ_INCLUDE_DIR zmq.hpp REQUIRED)  # cppzmq: headers alone
mark_as_advanced(CPPZMQ_INCLUDE_DIR)
# Its flags are those of a static link (Kerberos, OpenPGM), and CMake reads them in two ways, at the first configure and
# later: objects would be built again for nothing. its headers need none of them.
set_target_properties(PkgConfig::zmq PROPERTIES INTERFACE_COMPILE_OPTIONS "" INTERFACE_INCLUDE_DIRECTORIES "")
pkg_check_modules(sodium REQUIRED IMPORTED_TARGET libsodium)
pkg_check_modules(utf8proc REQUIRED IMPORTED_TARGET libutf8proc)
pkg_check_modules(sqlite3 REQUIRED IMPORTED_TARGET sqlite3)
pkg_check_modules(systemd REQUIRED IMPORTED_TARGET libsystemd)
pkg_check_modules(tomlplusplus REQUIRED IMPORTED_TARGET tomlplusplus)
pkg_check_modules(openexr REQUIRED IMPORTED_TARGET OpenEXR)
pkg_check_modules(png REQUIRED IMPORTED_TARGET libpng)
pkg_check_modules(prometheus REQUIRED IMPORTED_TARGET prometheus-cpp-core)
pkg_check_modules(oiio REQUIRED IMPORTED_TARGET OpenImageIO)  # its CMake files ask for Python parts of Imath

add_library(framemill_json INTERFACE)
target_link_libraries(framemill_json INTERFACE Boost::json)
add_library(framemill_asio INTERFACE)
target_link_libraries(framemill_asio INTERFACE Boost::headers Threads::Threads)
target_compile_definitions(framemill_asio INTERFACE BOOST_ASIO_NO_DEPRECATED BOOST_ASIO_DISABLE_BOOST_REGEX)

# LibTorch: our own imported targets, because the wheel's find_package(Torch) wants a CUDA toolkit. Only torch_cpu and c10
# are linked; libtorch_cuda.so is opened at run time where a device is.
if(NOT FRAMEMILL_TORCH_DIR)
  if(DEFINED ENV{XDG_CACHE_HOME})
    set(FRAMEMILL_TORCH_DIR $ENV{XDG_CACHE_HOME}/framemill/torch-2.11.0)
  else()
    set(FRAMEMILL_TORCH_DIR $ENV{HOME}/.cache/framemill/torch-2.11.0)
  endif()
endif()
if(NOT EXISTS ${FRAMEMILL_TORCH_DIR}/torch/lib/libtorch_cpu.so)
  message(FATAL_ERROR "LibTorch is not in ${FRAMEMILL_TORCH_DIR}: run scripts/bootstrap, or set FRAMEMILL_TORCH_DIR")
endif()
set(_torch ${FRAMEMILL_TORCH_DIR}/torch)
add_library(framemill_c10 SHARED IMPORTED)
set_target_properties(framemill_c10 PROPERTIES IMPORTED_LOCATION ${_torch}/lib/libc10.so)
target_include_directories(framemill_c10 SYSTEM INTERFACE ${_torch}/include ${_torch}/include/torch/csrc/api/include)
# LibTorch brings headers of a newer fmt, which shadow the system's where it is included: header-only, they need no library.
target_compile_definitions(framemill_c10 INTERFACE FMT_HEADER_ONLY=1)
add_library(framemill_torch_cpu SHARED IMPORTED)
set_target_properties(framemill_torch_cpu PROPERTIES IMPORTED_LOCATION ${_torch}/lib/libtorch_cpu.so)
target_link_libraries(framemill_torch_cpu INTERFACE framemill_c10 Threads::Threads)
target_link_options(framemill_torch_cpu INTERFACE
  -Wl,-rpath-link,${FRAMEMILL_TORCH_DIR}/nvidia/cu13/lib:${_torch}/lib)
