# What `cmake --install` puts where, and the Debian packages that CPack makes of it (scripts/package). One component is one
# package. The tree is the same under any prefix: programs look for each other beside themselves.
#
#   bin/framemill                       the command line
#   bin/framemill-scheduler, -worker    links to lib/framemill
#   lib/framemill/                      daemons, executor, media programs; LibTorch in torch/ and nvidia/
#   share/framemill/models/             the demo model
#   lib/systemd/system, lib/sysusers.d, lib/tmpfiles.d, /etc/framemill
#
# Under /usr and /usr/local the configuration lies in /etc, where the units look for it; under another
# CMAKE_INSTALL_PREFIX in PREFIX/etc.
if(CMAKE_INSTALL_PREFIX MATCHES "^/usr(/local)?/?$")
  set(FRAMEMILL_CONFIG_DIRECTORY /etc/framemill)
else()
  set(FRAMEMILL_CONFIG_DIRECTORY ${CMAKE_INSTALL_PREFIX}/etc/framemill)
endif()
set(FRAMEMILL_LIBEXEC lib/framemill)
set(CMAKE_SKIP_INSTALL_ALL_DEPENDENCY ON)  # what is installed was built before; never tests and benchmarks

function(_framemill_install_program target component)
  install(TARGETS ${target} RUNTIME DESTINATION ${FRAMEMILL_LIBEXEC} COMPONENT ${component})
endfunction()
# bin/NAME as a link into lib/framemill: a daemon finds its helpers beside its own program.
function(_framemill_install_link name component)
  set(link ${CMAKE_BINARY_DIR}/install/${name})
  file(MAKE_DIRECTORY ${CMAKE_BINARY_DIR}/install)
  file(CREATE_LINK ../${FRAMEMILL_LIBEXEC}/${name} ${link} SYMBOLIC)
  install(FILES ${link} DESTINATION bin COMPONENT ${component})
endfunction()
# configs/NAME as the package's configuration file: the sample with the places that packages use.
function(_framemill_install_config name component)
  file(READ ${CMAKE_SOURCE_DIR}/configs/${name} text)
  while(ARGN)
    list(POP_FRONT ARGN from to)
    string(FIND "${text}" "${from}" at)
    if(at EQUAL -1)
      message(FATAL_ERROR "configs/${name} does not contain: ${from}")
    endif()
    string(REPLACE "${from}" "${to}" text "${text}")
  endwhile()
  file(CONFIGURE OUTPUT ${CMAKE_BINARY_DIR}/install/${name} CONTENT "${text}" @ONLY)
  install(FILES ${CMAKE_BINARY_DIR}/install/${name} DESTINATION ${FRAMEMILL_CONFIG_DIRECTORY}
    PERMISSIONS OWNER_READ OWNER_WRITE GROUP_READ COMPONENT ${component})
endfunction()

install(TARGETS framemill RUNTIME DESTINATION bin COMPONENT cli)
install(FILES ${CMAKE_BINARY_DIR}/shell/framemill.1 DESTINATION share/man/man1 COMPONENT cli)
install(FILES ${CMAKE_BINARY_DIR}/shell/framemill DESTINATION share/bash-completion/completions COMPONENT cli)
install(FILES ${CMAKE_BINARY_DIR}/shell/_framemill DESTINATION share/zsh/vendor-completions COMPONENT cli)
install(FILES ${CMAKE_BINARY_DIR}/shell/framemill.fish DESTINATION share/fish/vendor_completions.d COMPONENT cli)

_framemill_install_program(framemill-scheduler scheduler)
_framemill_install_link(framemill-scheduler scheduler)
install(FILES systemd/framemill-scheduler.service systemd/framemill-backup.service systemd/framemill-backup.timer
  DESTINATION lib/systemd/system COMPONENT scheduler)
_framemill_install_config(scheduler.toml scheduler
  "models = [\"/srv/models\"]" "models = [\"/usr/share/framemill/models\"]"
  "main = \"/mnt/shows\"" "# main = \"/mnt/shows\"")

_framemill_install_program(framemill-worker worker)
_framemill_install_program(framemill-executor worker)
_framemill_install_program(framemill-media worker)
_framemill_install_program(framemill-check worker)
_framemill_install_link(framemill-worker worker)
set_target_properties(framemill-executor PROPERTIES INSTALL_RPATH "$ORIGIN/torch/lib")
install(FILES systemd/framemill-worker.service DESTINATION lib/systemd/system COMPONENT worker)
_framemill_install_config(worker.toml worker
  "name = \"render-01\"" "# name = \"render-01\""
  "models = [\"/srv/models\"]" "models = [\"/usr/share/framemill/models\"]"
  "main = \"/mnt/shows\"" "# main = \"/mnt/shows\""
  "[[device]]\nkind = \"cpu\"\nname = \"cpu0\"\ncpus = [0, 1] " "# [[device]]\n# kind = \"cpu\"\n# name = \"cpu0\"\n# cpus = [0, 1] "
  "memory = \"4GiB\" " "# memory = \"4GiB\" "
  "[[slot]]\nname = \"cpu0\"\ndevice = \"cpu0\"\nthreads = 2 " "# [[slot]]\n# name = \"cpu0\"\n# device = \"cpu0\"\n# threads = 2 ")

# The farm's user and directories: on every host of the farm, whichever daemon it runs.
install(FILES systemd/sysusers.d/framemill.conf DESTINATION lib/sysusers.d COMPONENT common)
install(FILES systemd/tmpfiles.d/framemill.conf DESTINATION lib/tmpfiles.d COMPONENT common)
install(FILES LICENSE NOTICE CHANGELOG.md DESTINATION share/doc/framemill-common COMPONENT common)

# What the executor needs of the wheels, and no more. torch's own run path finds nvidia/ two directories up.
set(_torch_lib ${FRAMEMILL_TORCH_DIR}/torch/lib)
set(_cuda_lib ${FRAMEMILL_TORCH_DIR}/nvidia/cu13/lib)
install(PROGRAMS ${_torch_lib}/libtorch_cpu.so ${_torch_lib}/libc10.so ${_torch_lib}/libgomp.so.1
  DESTINATION ${FRAMEMILL_LIBEXEC}/torch/lib COMPONENT libtorch)
install(PROGRAMS ${_cuda_lib}/libcudart.so.13 ${_cuda_lib}/libcupti.so.13
  DESTINATION ${FRAMEMILL_LIBEXEC}/nvidia/cu13/lib COMPONENT libtorch)
file(GLOB _wheel_licences ${FRAMEMILL_TORCH_DIR}/*.dist-info/licenses)
foreach(directory IN LISTS _wheel_licences)
  get_filename_component(wheel ${directory} DIRECTORY)
  get_filename_component(wheel ${wheel} NAME)
  string(REGEX REPLACE "-.*" "" wheel ${wheel})
  install(DIRECTORY ${directory}/ DESTINATION share/doc/framemill-libtorch-cpu/${wheel} COMPONENT libtorch)
endforeach()

install(DIRECTORY models/demo-clips@1 DESTINATION share/framemill/models COMPONENT demo-model)

# --- Debian packages -------------------------------------------------------------------------------------------------------
set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME framemill)
set(CPACK_PACKAGE_VERSION ${PROJECT_VERSION})
set(CPACK_PACKAGE_CONTACT "The Framemill authors <framemill@localhost>")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_COMPONENTS_ALL common cli scheduler worker libtorch demo-model)
set(CPACK_COMPONENTS_GROUPING ONE_PER_GROUP)
set(CPACK_COMPONENTS_IGNORE_GROUPS ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_RELEASE 1)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS_PRIVATE_DIRS ${_torch_lib} ${_cuda_lib})
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(CPACK_DEBIAN_COMPRESSION_TYPE zstd)  # a third of a minute for LibTorch instead of ten
set(CPACK_DEBIAN_PACKAGE_SECTION graphics)
set(_exact "(= ${PROJECT_VERSION}-1)")

# framemill_package(COMPONENT NAME SUMMARY DETAILS [DEPENDS text] [SCRIPTS file...])
function(framemill_package component name summary details)
  cmake_parse_arguments(ARG "" "DEPENDS" "SCRIPTS" ${ARGN})
  string(TOUPPER ${component} upper)
  set(CPACK_DEBIAN_${upper}_PACKAGE_NAME ${name} PARENT_SCOPE)
  set(CPACK_COMPONENT_${upper}_DESCRIPTION "${summary}\n${details}" PARENT_SCOPE)
  set(CPACK_DEBIAN_${upper}_PACKAGE_DEPENDS "${ARG_DEPENDS}" PARENT_SCOPE)
  set(CPACK_DEBIAN_${upper}_PACKAGE_CONTROL_EXTRA "${ARG_SCRIPTS}" PARENT_SCOPE)
endfunction()
set(_debian ${CMAKE_SOURCE_DIR}/packaging/debian)
framemill_package(common framemill-common "render farm for generative video: user and directories"
  "The user that the daemons run as, with the same number on every host, and their directories."
  DEPENDS "systemd" SCRIPTS ${_debian}/common/postinst ${_debian}/common/postrm)
framemill_package(cli framemill "render farm for generative video: command line"
  "Submits, follows and explains jobs of a Framemill farm over HTTP.")
framemill_package(scheduler framemill-scheduler "render farm for generative video: scheduler"
  "Splits shots into windows of frames, leases them to workers, keeps every acknowledged step in a durable job store."
  DEPENDS "framemill-common ${_exact}, framemill ${_exact}, procps"
  SCRIPTS ${_debian}/scheduler/postinst ${_debian}/scheduler/prerm ${_debian}/scheduler/postrm ${_debian}/scheduler/conffiles)
framemill_package(worker framemill-worker "render farm for generative video: worker"
  "Keeps models warm on a host's GPUs or CPUs, makes frames, movies and contact sheets, runs the programs that it lists."
  DEPENDS "framemill-common ${_exact}, framemill ${_exact}, framemill-libtorch-cpu ${_exact}, ffmpeg, fonts-dejavu-core, procps"
  SCRIPTS ${_debian}/worker/postinst ${_debian}/worker/prerm ${_debian}/worker/postrm ${_debian}/worker/conffiles)
framemill_package(libtorch framemill-libtorch-cpu "render farm for generative video: LibTorch for CPUs"
  "The libraries of the torch 2.11 wheel that Framemill's executor needs on hosts without a GPU.")
framemill_package(demo-model framemill-demo-model "render farm for generative video: demo model"
  "A small network that makes 64x64 clips of illustrated landscapes, to try a farm with.")
set(CPACK_DEBIAN_DEMO-MODEL_PACKAGE_ARCHITECTURE all)
set(CPACK_DEBIAN_COMMON_PACKAGE_ARCHITECTURE all)
set(CPACK_DEBIAN_LIBTORCH_PACKAGE_SECTION libs)
include(CPack)
