#include "rancher_cnode/host/beam_arguments.hpp"

#include <algorithm>
#include <array>
#include <iterator>

#include "rancher_cnode/config/rules.hpp"

namespace rancher_cnode::host {
namespace {

using Values = std::vector<std::string_view>;

std::vector<std::string_view> split(std::string_view cmdline) {
  std::vector<std::string_view> arguments;
  while (!cmdline.empty()) {
    const auto argument = cmdline.substr(0, cmdline.find('\0'));
    arguments.push_back(argument);
    cmdline.remove_prefix(std::min(cmdline.size(), argument.size() + 1));
  }
  return arguments;
}

/// The arguments of init: flags with their values, as init:get_arguments() returns them, and what follows
/// -extra.
class InitArguments {
 public:
  explicit InitArguments(std::string_view cmdline) {
    const auto all = split(cmdline);
    const auto end_of_emulator = std::ranges::find(all, "--");
    const auto extra = std::find(end_of_emulator, all.end(), "-extra");
    extra_.assign(extra, all.end());
    // A -- ends the values of a flag: it counts as one, which nobody asks for, with the plain arguments as
    // values.
    for (auto argument = end_of_emulator; argument != extra; ++argument) {
      if (argument->starts_with('-')) {
        flags_.push_back({argument->substr(1), {}});
      } else {
        flags_.back().values.push_back(*argument);  // the first argument is --
      }
    }
  }

  /// The values of each occurrence, as init:get_argument/1.
  [[nodiscard]] std::vector<Values> get(std::string_view name) const {
    std::vector<Values> all;
    for (const auto& flag : flags_) {
      if (flag.name == name) {
        all.push_back(flag.values);
      }
    }
    return all;
  }

  /// The value, if the flag is given once and has one.
  [[nodiscard]] std::optional<std::string> only(std::string_view name) const {
    const auto all = get(name);
    return all.size() == 1 && all.front().size() == 1 ? std::optional(std::string(all.front().front()))
                                                      : std::nullopt;
  }

  /// The first value of the first occurrence; "" if it has none, nothing if there is no occurrence.
  [[nodiscard]] std::optional<std::string_view> first(std::string_view name) const {
    const auto flag = std::ranges::find(flags_, name, &Flag::name);
    if (flag == flags_.end()) {
      return std::nullopt;
    }
    return flag->values.empty() ? std::string_view() : flag->values.front();
  }

  [[nodiscard]] const Values& extra() const { return extra_; }

 private:
  struct Flag {
    std::string_view name;
    Values values;
  };
  std::vector<Flag> flags_;
  Values extra_;
};

std::optional<std::uint16_t> port(std::optional<std::string_view> text, std::uint16_t least = 0) {
  const auto number = text ? config::number_between(*text, least, 65535) : std::nullopt;
  return number ? std::optional(static_cast<std::uint16_t>(*number)) : std::nullopt;
}

void take_name(const InitArguments& init, BeamArguments& beam) {
  for (const auto& [flag, kind] :
       {std::pair{"sname", NameKind::short_name}, std::pair{"name", NameKind::long_name}}) {
    const auto all = init.get(flag);
    if (!all.empty() && all.front().size() == 1) {
      beam.name_kind = kind;
      beam.name = all.front().front();
      return;
    }
  }
}

/// A node's own cookie in two values takes precedence over the one for all nodes; given twice, it counts for
/// nothing.
void take_cookie(const InitArguments& init, BeamArguments& beam) {
  std::vector<std::string_view> own;
  std::vector<Values> others;
  for (const auto& values : init.get("setcookie")) {
    if (values.size() == 2) {
      if (values[0] == beam.name) {
        own.push_back(values[1]);
      }
    } else {
      others.push_back(values);
    }
  }
  const bool is_ignored = own.size() > 1 || !others.empty();
  std::erase_if(others, [](const Values& values) { return values.size() > 2; });
  std::optional<std::string_view> text;
  if (own.size() == 1) {
    text = own.front();
  } else if (others.size() == 1 && !others.front().empty()) {
    text = others.front().front();
  } else if (init.first("nocookie")) {
    text = "nocookie";
  }
  if (text) {
    beam.setcookie_flag = SetcookieFlag::taken;
    beam.cookie = Cookie(std::string(*text));
  } else if (is_ignored) {
    beam.setcookie_flag = SetcookieFlag::ignored;
  }
}

void take_purpose(const InitArguments& init, BeamArguments& beam) {
  const auto hidden = init.first("hidden");
  beam.hidden = hidden && (hidden->empty() || *hidden == "true") ? Switch::on : Switch::off;
  beam.dist_listen = init.first("dist_listen") == "false" ? Switch::off : Switch::on;
  const auto& extra = init.extra();
  if (const auto remsh = init.first("remsh")) {
    beam.remsh = *remsh;
  } else if (const auto of_iex = std::ranges::find(extra, "--remsh"); of_iex != extra.end()) {
    beam.remsh = std::next(of_iex) != extra.end() ? std::string(*std::next(of_iex)) : std::string();
  }
  // Distillery 2's release_ctl: its name is given to net_kernel:start at run time, so that no flag contains
  // it.
  const auto is_task = [](std::string_view argument) {
    return argument.starts_with("Distillery.Releases.Runtime.Control.main") ||
           argument.starts_with("Mix.Releases.Runtime.Control.main");
  };
  const auto alive = std::string_view(beam.name).substr(0, beam.name.find('@'));
  beam.distillery_task =
      std::ranges::any_of(extra, is_task) || alive.find("_maint_") != std::string_view::npos ? Switch::on
                                                                                             : Switch::off;
}

}  // namespace

BeamArguments parse_beam_arguments(std::string_view cmdline) {
  const InitArguments init(cmdline);
  BeamArguments beam;
  take_name(init, beam);
  take_cookie(init, beam);
  take_purpose(init, beam);
  beam.home = init.only("home");
  beam.epmd_port = port(init.first("epmd_port"));
  beam.erl_epmd_port = port(init.only("erl_epmd_port"), 1);
  const auto start_epmd = init.get("start_epmd");
  beam.start_epmd = !start_epmd.empty() && start_epmd.back() == Values{"false"} ? Switch::off : Switch::on;
  const auto protocols = init.get("proto_dist");
  beam.proto_dist = protocols.size() == 1
                        ? std::vector<std::string>(protocols.front().begin(), protocols.front().end())
                        : std::vector<std::string>{"inet_tcp"};
  beam.ssl_dist_optfile = init.only("ssl_dist_optfile");
  for (const auto& values : init.get("ssl_dist_opt")) {
    beam.ssl_dist_opt.insert(beam.ssl_dist_opt.end(), values.begin(), values.end());
  }
  return beam;
}

}  // namespace rancher_cnode::host
