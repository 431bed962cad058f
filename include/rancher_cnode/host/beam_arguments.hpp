// What a BEAM was started with, by its command line (/proc/PID/cmdline): scripts, args files and ERL_FLAGS
// are already expanded in it. Used by the process table; pure.
//
// Rules: erts' init.erl (sections, values), kernel's erl_distribution.erl, net_kernel.erl, erl_epmd.erl and
// auth.erl of OTP 25, each compared with a running BEAM. When a flag is given several times, some take the
// first, some the last, and some none, as stated at each field.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "rancher_cnode/config/config.hpp"

namespace rancher_cnode::host {

enum class NameKind {
  none,        ///< nonode@nohost, unless the application starts distribution itself (net_kernel:start)
  short_name,  ///< -sname
  long_name,   ///< -name
};

enum class SetcookieFlag {
  absent,
  taken,
  ignored,  ///< given, but the BEAM uses its cookie file: several, without a value (also one that begins with
            ///< -)
};

struct BeamArguments {
  NameKind name_kind = NameKind::none;
  /// As written, with or without a host; "" for NameKind::none. The first -sname, else the first -name; one
  /// with no value or with several counts as not given.
  std::string name;

  SetcookieFlag setcookie_flag = SetcookieFlag::absent;
  /// Only with SetcookieFlag::taken; unchecked. The value of `-setcookie NAME COOKIE`, if NAME is the name as
  /// written (OTP 25; earlier ones ignore that form), else of the only `-setcookie COOKIE`. `-nocookie` alone
  /// gives "nocookie".
  Cookie cookie;

  /// Where the cookie file is. Nothing if it was given several times: then the BEAM reads only the file in
  /// XDG_CONFIG_HOME.
  std::optional<std::string> home;

  std::optional<std::uint16_t> epmd_port;  ///< the first; erlexec derives it from $ERL_EPMD_PORT
  /// The distribution port of all BEAMs, which then ask no epmd; only if given once, with one value. 0 = they
  /// do.
  std::optional<std::uint16_t> erl_epmd_port;
  Switch start_epmd = Switch::on;       ///< off: the BEAM does not start epmd, but registers if one runs
  std::vector<std::string> proto_dist;  ///< e.g. inet_tls; {inet_tcp} by default, or if given several times

  std::optional<std::string> ssl_dist_optfile;  ///< only if given once
  std::vector<std::string> ssl_dist_opt;        ///< of all occurrences

  Switch hidden = Switch::off;       ///< the first
  Switch dist_listen = Switch::on;   ///< off: accepts no connection, and is hidden (OTP 25)
  std::optional<std::string> remsh;  ///< the node that this BEAM is a shell of; IEx's --remsh as well
  Switch distillery_task =
      Switch::off;  ///< a command of Distillery (ping, rpc, eval), as NAME_maint_ if it connects
};

/// `cmdline`: arguments that each end in NUL; the last one may lack it. Takes any bytes. Arguments before the
/// first -- belong to the emulator, those after -extra to the application.
[[nodiscard]] BeamArguments parse_beam_arguments(std::string_view cmdline);

}  // namespace rancher_cnode::host
