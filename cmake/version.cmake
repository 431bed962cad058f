# Writes OUTPUT from TEMPLATE, with the version of the tree in SOURCE, if that is another than before. Run at each build:
#   cmake -D SOURCE=... -D FALLBACK=0.1.0 -D TEMPLATE=... -D OUTPUT=... -P version.cmake
# In a git checkout `git describe` gives it: 0.1.0 at the tag v0.1.0, else 0.1.0-5-gabc1234, and -dirty with uncommitted
# changes. Where no tag is known, FALLBACK stands in for it: 0.1.0-gabc1234. Without git it is FALLBACK alone.
set(RANCHER_CNODE_VERSION ${FALLBACK})
# A tree that is unpacked somewhere inside another checkout has no .git of its own.
if(EXISTS "${SOURCE}/.git")
  set(ENV{GIT_OPTIONAL_LOCKS} 0)
  execute_process(
    COMMAND git describe --tags --match "v[0-9]*" --always --dirty
    WORKING_DIRECTORY "${SOURCE}" OUTPUT_VARIABLE described OUTPUT_STRIP_TRAILING_WHITESPACE
    RESULT_VARIABLE status ERROR_QUIET)
  if(NOT status EQUAL 0)
    message(STATUS "git cannot describe ${SOURCE}; the version is ${FALLBACK}")
  elseif(described MATCHES "^v([0-9].*)$")
    set(RANCHER_CNODE_VERSION ${CMAKE_MATCH_1})
  else()
    set(RANCHER_CNODE_VERSION ${FALLBACK}-g${described})
  endif()
endif()
configure_file("${TEMPLATE}" "${OUTPUT}" @ONLY)
