# The target `rdev_libssh`: libssh, static, with our patches, without GSSAPI, zlib and SFTP.
# LIBSSH_SOURCE names an unpacked source directory (>= 0.12.2); without it fetch.sh gets Debian's.
set(LIBSSH_SOURCE "" CACHE PATH "libssh source directory; empty: Debian's source package, by apt")
set(here ${CMAKE_CURRENT_LIST_DIR})
if(LIBSSH_SOURCE)
  set(libssh_source ${LIBSSH_SOURCE})
else()
  if(DEFINED ENV{RDEV_CACHE})
    set(cache $ENV{RDEV_CACHE}/libssh)
  elseif(DEFINED ENV{XDG_CACHE_HOME})
    set(cache $ENV{XDG_CACHE_HOME}/rdev/libssh)
  else()
    set(cache $ENV{HOME}/.cache/rdev/libssh)
  endif()
  execute_process(COMMAND ${here}/fetch.sh ${cache} OUTPUT_VARIABLE libssh_source
                  OUTPUT_STRIP_TRAILING_WHITESPACE RESULT_VARIABLE failed)
  if(failed)
    message(FATAL_ERROR "libssh's source could not be fetched (see above). "
                        "Give -DLIBSSH_SOURCE=DIR with libssh >= 0.12.2.")
  endif()
endif()

# The patched copy lives in the build tree; a stamp says what it was made of.
file(STRINGS ${here}/VERSION tested)
set(found "an unknown version")
if(EXISTS ${libssh_source}/DEBIAN_VERSION)
  file(STRINGS ${libssh_source}/DEBIAN_VERSION found)
endif()
file(GLOB patches CONFIGURE_DEPENDS ${here}/*.patch)
set(stamp "${libssh_source} ${found}")
foreach(patch ${patches})
  file(SHA256 ${patch} sum)
  string(APPEND stamp " ${sum}")
endforeach()
set(patched ${CMAKE_BINARY_DIR}/libssh-src)
set(have "")
if(EXISTS ${patched}/RDEV_STAMP)
  file(READ ${patched}/RDEV_STAMP have)
endif()
if(NOT have STREQUAL stamp)
  file(REMOVE_RECURSE ${patched})
  file(COPY ${libssh_source}/ DESTINATION ${patched})
  foreach(patch ${patches})
    execute_process(COMMAND patch -p1 -F0 -i ${patch} WORKING_DIRECTORY ${patched}
                    OUTPUT_VARIABLE said RESULT_VARIABLE failed)
    if(failed)
      message(FATAL_ERROR "${patch} does not apply to libssh ${found} (last tested: ${tested}). "
                          "Mend the patch, or give -DLIBSSH_SOURCE=DIR with ${tested}.\n${said}")
    endif()
  endforeach()
  file(WRITE ${patched}/RDEV_STAMP "${stamp}")
endif()
message(STATUS "libssh: ${found} (last tested: ${tested})")

foreach(off WITH_GSSAPI WITH_ZLIB WITH_SFTP WITH_PCAP WITH_EXAMPLES WITH_NACL WITH_EXEC
            WITH_DEBUG_CALLTRACE WITH_GEX WITH_SYMBOL_VERSIONING BUILD_SHARED_LIBS)
  set(${off} OFF CACHE BOOL "" FORCE)
endforeach()
set(WITH_SERVER ON CACHE BOOL "" FORCE)
add_subdirectory(${patched} ${CMAKE_BINARY_DIR}/libssh EXCLUDE_FROM_ALL)
# 64 KiB reads: 4 KiB ones cost a third of the throughput.
set(ssh_read_bytes 65536)
target_compile_definitions(ssh PRIVATE MAX_BUF_SIZE=${ssh_read_bytes})
target_compile_options(ssh PRIVATE -w)

add_library(rdev_libssh INTERFACE)
target_link_libraries(rdev_libssh INTERFACE ssh)
target_compile_definitions(rdev_libssh INTERFACE LIBSSH_STATIC=1 RDEV_SSH_READ_BYTES=${ssh_read_bytes})
target_include_directories(rdev_libssh SYSTEM INTERFACE
  ${patched}/include ${CMAKE_BINARY_DIR}/libssh/include)
# The shim reads private headers: they need the config.h of this very build.
add_library(rdev_libssh_private INTERFACE)
target_link_libraries(rdev_libssh_private INTERFACE rdev_libssh)
target_include_directories(rdev_libssh_private SYSTEM INTERFACE ${CMAKE_BINARY_DIR}/libssh)
