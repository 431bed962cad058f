# Writes OUTPUT from TEMPLATE, with the version of the tree in SOURCE, if that is another than before. Run at each build:
#   cmake -D SOURCE=... -D FALLBACK=0.2.0 -D GIVEN=... -D BUILD="Release x86_64 GNU 12.2.0" -D TEMPLATE=... -D OUTPUT=...
#     -P version.cmake
# BUILD says how the program is made. As one word it is release-x86_64-gcc-12.2.0.
# In a git checkout `git describe` gives it: 0.2.0 at the tag v0.2.0, else 0.2.0-5-gabc1234, and -dirty with uncommitted
# changes. Where no tag is known, FALLBACK, the version to come, stands in for it: 0.2.0-gabc1234. A tree that
# `git archive` made has the same from archived_version.txt. GIVEN, what `git describe` printed elsewhere, comes before both:
# for images, whose builds have no .git. Without any of them it is 0.2.0-unknown, which does not pass for a release.
set(RANCHER_CNODE_VERSION ${FALLBACK}-unknown)
set(described "${GIVEN}")
set(archived "${SOURCE}/cmake/archived_version.txt")
if(described)
  # As given.
# A tree that is unpacked somewhere inside another checkout has no .git of its own.
elseif(EXISTS "${SOURCE}/.git")
  set(ENV{GIT_OPTIONAL_LOCKS} 0)
  execute_process(
    COMMAND git describe --tags --match "v[0-9]*" --always --dirty
    WORKING_DIRECTORY "${SOURCE}" OUTPUT_VARIABLE described OUTPUT_STRIP_TRAILING_WHITESPACE
    RESULT_VARIABLE status ERROR_QUIET)
  if(NOT status EQUAL 0)
    message(STATUS "git cannot describe ${SOURCE}; the version is ${RANCHER_CNODE_VERSION}")
    set(described "")
  endif()
elseif(EXISTS "${archived}")
  file(READ "${archived}" described)
  # "abc1234 v0.2.0-5-gabc1234"; without a tag, the commit alone; in a tree that git did not make, the format itself.
  string(REGEX REPLACE "^([0-9a-f]+) +(v[^ ]+)\n$" "\\2" described "${described}")
  string(STRIP "${described}" described)
  if(described MATCHES "Format")
    set(described "")
  endif()
endif()
if(described MATCHES "^v?([0-9]+\\.[0-9].*)$")
  set(RANCHER_CNODE_VERSION ${CMAKE_MATCH_1})
elseif(described)
  set(RANCHER_CNODE_VERSION ${FALLBACK}-g${described})
endif()
string(TOLOWER "${BUILD}" RANCHER_CNODE_BUILD)
string(REGEX REPLACE "(^| )gnu( |$)" " gcc " RANCHER_CNODE_BUILD "${RANCHER_CNODE_BUILD}")
string(REGEX REPLACE "[^a-z0-9._]+" "-" RANCHER_CNODE_BUILD "${RANCHER_CNODE_BUILD}")
string(REGEX REPLACE "^-|-$" "" RANCHER_CNODE_BUILD "${RANCHER_CNODE_BUILD}")
configure_file("${TEMPLATE}" "${OUTPUT}" @ONLY)
