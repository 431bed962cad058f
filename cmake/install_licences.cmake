# Run by `cmake --install`: writes to ${licences} what Debian's packages say about the licences of the libraries that are
# compiled into the program: those that are only headers, and libei; into the ${portable} one, all others too. It needs
# ${boost} (1.81) and ${gcc} (12), which are in the names of packages. ${doc} and ${common} are where Debian has the texts.
cmake_policy(VERSION 3.25)
set(packages erlang-dev libboost${boost}-dev rapidjson-dev libcli11-dev libexpected-dev)
set(texts)
if(portable)
  list(APPEND packages libcurl4-openssl-dev libssl-dev libc-ares-dev libc6-dev libstdc++-${gcc}-dev)
  # Every Debian has those that packages only name; other systems do not.
  set(texts Apache-2.0 CC0-1.0 GPL-3 LGPL-2.1)
endif()
if(NOT doc)
  set(doc /usr/share/doc)
  set(common /usr/share/common-licenses)
endif()

set(written "Copyright and licences of the libraries that are compiled into rancher_cnode, as the Debian packages state them from
which they are. Some of these texts also speak of files that are not in it, such as a library's tools and tests.\n")
# The licence of NAME in SOURCE, under HEADING.
macro(pass_on name source heading)
  if(EXISTS "${source}")
    file(READ "${source}" text)
    # Two megabytes, nearly all of them names of files: only Boost's own licence.
    if("${name}" MATCHES "^libboost")
      string(FIND "${text}" "\nLicense: BSL-1.0\n Boost" begin)
      string(SUBSTRING "${text}" ${begin} -1 text)
      string(FIND "${text}" "\n\n" end)
      string(SUBSTRING "${text}" 0 ${end} text)
      string(PREPEND text "Copyright: the contributors to Boost, see https://www.boost.org\n")
    endif()
    string(APPEND written "\n======== ${heading} ========\n\n${text}\n")
  else()
    message(WARNING "${licences} lacks the licence of ${name}: there is no ${source}")
  endif()
endmacro()
foreach(name IN LISTS packages)
  pass_on(${name} "${doc}/${name}/copyright" ${name})
endforeach()
foreach(name IN LISTS texts)
  pass_on(${name} "${common}/${name}" "The text of ${name}")
endforeach()
file(WRITE "${licences}" "${written}")
message(STATUS "Installing: ${licences}")
