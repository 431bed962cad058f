# What `cmake --install` installs, and the Debian package that `cpack` makes of it (scripts/package).
include(GNUInstallDirs)
set(doc ${CMAKE_INSTALL_DATADIR}/doc/rancher-cnode)
install(TARGETS rancher_cnode RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(PROGRAMS scripts/with-rancher-cnode DESTINATION ${CMAKE_INSTALL_BINDIR})
install(FILES packaging/copyright DESTINATION ${doc})
string(REGEX MATCH "^[0-9]+" gcc ${CMAKE_CXX_COMPILER_VERSION})
install(CODE "set(licences \"\$ENV{DESTDIR}\${CMAKE_INSTALL_PREFIX}/${doc}/THIRD-PARTY.txt\")
  set(portable ${RANCHER_CNODE_PORTABLE})
  set(boost ${Boost_VERSION_MAJOR}.${Boost_VERSION_MINOR})
  set(gcc ${gcc})
  include(\"${PROJECT_SOURCE_DIR}/cmake/install_licences.cmake\")")
install(FILES packaging/rancher_cnode@.service DESTINATION lib/systemd/system)

# The program prints its manual page and completions itself, where it can run here.
set(pages "$<TARGET_FILE:rancher_cnode>|man|${CMAKE_INSTALL_MANDIR}/man1/rancher_cnode.1.gz")
foreach(shell_and_file IN ITEMS "bash|bash-completion/completions/rancher_cnode" "zsh|zsh/vendor-completions/_rancher_cnode"
        "fish|fish/vendor_completions.d/rancher_cnode.fish")
  string(REPLACE "|" ";" parts ${shell_and_file})
  list(GET parts 0 shell)
  list(GET parts 1 file)
  list(APPEND pages "$<TARGET_FILE:rancher_cnode>|completions ${shell}|${CMAKE_INSTALL_DATADIR}/${file}")
endforeach()
install(CODE "set(pages \"${pages}\")\n include(\"${PROJECT_SOURCE_DIR}/cmake/install_pages.cmake\")")

# The version of the tree, ordered as Debian orders versions: those before a release before it, those after it after it.
execute_process(COMMAND ${CMAKE_COMMAND} -D SOURCE=${PROJECT_SOURCE_DIR} -D FALLBACK=${PROJECT_VERSION} -D GIVEN=${RANCHER_CNODE_VERSION}
  -D TEMPLATE=${PROJECT_SOURCE_DIR}/cmake/version.txt.in -D OUTPUT=${PROJECT_BINARY_DIR}/version.txt
  -P ${PROJECT_SOURCE_DIR}/cmake/version.cmake)
file(STRINGS ${PROJECT_BINARY_DIR}/version.txt version)
execute_process(COMMAND git log -1 --format=%cd --date=format:%Y%m%d%H%M%S WORKING_DIRECTORY ${PROJECT_SOURCE_DIR}
  OUTPUT_VARIABLE committed OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
string(REGEX REPLACE "^([0-9.]+)-g" "\\1~${committed}.g" version "${version}")
string(REGEX REPLACE "^([0-9.]+)-unknown" "\\1~unknown" version "${version}")
string(REGEX REPLACE "^([0-9.]+)-([0-9]+)-g" "\\1+\\2.g" version "${version}")
string(REPLACE "-" "." CPACK_DEBIAN_PACKAGE_VERSION "${version}")

# Debian demands an address, and the project has no mailbox: names below .invalid are reserved for saying so (RFC 2606).
# packaging/copyright names the way to the maintainers. Who offers a package to others names their own address.
set(CPACK_DEBIAN_PACKAGE_MAINTAINER "The rancher_cnode maintainers <no-mail@rancher-cnode.invalid>" CACHE STRING
  "Name and address in the Debian package")
string(TIMESTAMP RANCHER_CNODE_DATE "%a, %d %b %Y %H:%M:%S +0000" UTC)
configure_file(packaging/changelog.in ${PROJECT_BINARY_DIR}/changelog @ONLY)
execute_process(COMMAND gzip -9nc ${PROJECT_BINARY_DIR}/changelog OUTPUT_FILE ${PROJECT_BINARY_DIR}/changelog.gz)
install(FILES ${PROJECT_BINARY_DIR}/changelog.gz DESTINATION ${doc})

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME rancher-cnode)
set(CPACK_PACKAGE_VENDOR "rancher_cnode")
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION net)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_SUGGESTS ca-certificates)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(CPACK_DEBIAN_PACKAGE_DESCRIPTION "connects the BEAMs of a Rancher 1.x service to one cluster
A hidden Erlang node (C-node) that runs beside an Elixir or Erlang release,
reads the metadata service of Rancher 1.x, and asks the BEAM beside it to
connect to the other containers of the service. The application needs no
code and no dependency.")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS
  OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)
set(CPACK_STRIP_FILES ON)
include(CPack)
