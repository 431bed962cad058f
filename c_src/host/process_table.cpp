#include "rancher_cnode/host/process_table.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <filesystem>
#include <optional>
#include <string_view>
#include <system_error>
#include <utility>

#include "rancher_cnode/config/cookie_file.hpp"
#include "rancher_cnode/core/printable.hpp"
#include "rancher_cnode/core/process_stat.hpp"
#include "rancher_cnode/core/regular_file.hpp"

namespace rancher_cnode::host {
namespace {

constexpr std::size_t max_small_file = 4096;                    // stat, comm, a cookie
constexpr std::size_t max_environment = std::size_t{1} << 20U;  // as for command lines
constexpr std::size_t max_depth = 64;                           // of a process below process 1

std::optional<pid_t> pid_of(std::string_view name) {
  pid_t pid = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), pid);
  return error == std::errc{} && end == name.data() + name.size() && pid > 0 ? std::optional(pid)
                                                                             : std::nullopt;
}

/// The entries of /proc that are processes.
std::vector<pid_t> pids(const std::string& folder) {
  std::vector<pid_t> all;
  std::error_code error;
  std::filesystem::directory_iterator entry(folder, error);
  while (!error && entry != std::filesystem::directory_iterator()) {
    if (const auto pid = pid_of(entry->path().filename().native())) {
      all.push_back(*pid);
    }
    entry.increment(error);
  }
  return all;
}

std::string file_of(const std::string& folder, pid_t pid, const char* name) {
  return folder + '/' + std::to_string(pid) + '/' + name;
}

/// Nothing if there is no such process, or if it has ended (a zombie).
std::optional<ProcessStat> live_stat(const std::string& folder, pid_t pid) {
  const auto text = read_file_start(file_of(folder, pid, "stat"), max_small_file);
  const auto stat = text ? parse_process_stat(*text) : std::nullopt;
  return stat && !stat->has_ended() ? stat : std::nullopt;
}

std::string program_of(const std::string& folder, pid_t pid) {
  return read_file_start(file_of(folder, pid, "comm"), max_small_file).value_or("");
}

bool runs_a_beam(const std::string& folder, pid_t pid) {
  const auto name = program_of(folder, pid);
  return name == "beam\n" || name.starts_with("beam.");
}

std::vector<pid_t> ancestors_of(const std::string& folder, const ProcessStat& stat) {
  std::vector<pid_t> all;
  std::optional<ProcessStat> next = stat;
  while (next && next->parent > 0 && all.size() < max_depth) {
    all.push_back(next->parent);
    next = live_stat(folder, next->parent);
  }
  return all;
}

std::optional<Beam> beam_of(const std::string& folder, pid_t pid) {
  const auto stat = live_stat(folder, pid);
  if (!stat || !runs_a_beam(folder, pid)) {
    return std::nullopt;
  }
  auto cmdline = read_file_start(file_of(folder, pid, "cmdline"), ProcessTable::max_cmdline_length);
  if (!cmdline || cmdline->empty()) {
    return std::nullopt;
  }
  if (cmdline->size() == ProcessTable::max_cmdline_length) {
    cmdline->resize(cmdline->rfind('\0') + 1);  // half an argument is none
  }
  std::error_code none;
  Beam beam{.pid = pid,
            .start_time = stat->start,
            .ancestors = ancestors_of(folder, *stat),
            .arguments = parse_beam_arguments(*cmdline),
            .working_directory = std::filesystem::read_symlink(file_of(folder, pid, "cwd"), none).string()};
  const auto after = live_stat(folder, pid);
  return after && after->start == beam.start_time ? std::optional(std::move(beam)) : std::nullopt;
}

std::optional<std::string> variable(std::string_view environment, std::string_view name) {
  while (!environment.empty()) {
    const auto entry = environment.substr(0, environment.find('\0'));
    environment.remove_prefix(std::min(environment.size(), entry.size() + 1));
    if (entry.starts_with(name) && entry.substr(name.size()).starts_with('=')) {
      return std::string(entry.substr(name.size() + 1));
    }
  }
  return std::nullopt;
}

/// The files that may contain the cookie, in the BEAM's order.
std::vector<std::string> cookie_files(const std::string& folder, const Beam& beam) {
  const auto environment =
      read_file_start(file_of(folder, beam.pid, "environ"), max_environment).value_or("");
  const auto& home = beam.arguments.home;
  std::vector<std::string> files;
  if (home) {
    files.push_back(*home + "/.erlang.cookie");
  }
  const auto config_home = variable(environment, "XDG_CONFIG_HOME").value_or("");
  const auto home_variable = variable(environment, "HOME");
  if (!config_home.empty()) {
    files.push_back(config_home + "/erlang/.erlang.cookie");
  } else if (home_variable || home) {
    files.push_back((home_variable ? *home_variable : *home) + "/.config/erlang/.erlang.cookie");
  }
  return files;
}

/// What to put before a path of the process: its root, if that is not ours.
std::string root_of(const std::string& folder, pid_t pid) {
  const auto root = file_of(folder, pid, "root");
  struct ::stat its {};
  struct ::stat ours {};
  const bool differs = ::stat(root.c_str(), &its) == 0 && ::stat("/", &ours) == 0 &&
                       (its.st_dev != ours.st_dev || its.st_ino != ours.st_ino);
  return differs ? root : std::string();
}

Expected<BeamCookie> found(const Expected<Cookie>& cookie, std::string source) {
  if (!cookie) {
    return failure(ErrorCode::malformed, source + ": " + cookie.error().message);
  }
  return BeamCookie{*cookie, std::move(source)};
}

}  // namespace

std::vector<Beam> ProcessTable::beams() const {
  std::vector<Beam> all;
  for (const pid_t pid : pids(folder_)) {
    if (auto beam = beam_of(folder_, pid)) {
      all.push_back(*std::move(beam));
    }
  }
  std::ranges::sort(all, {}, [](const Beam& beam) { return std::pair(beam.start_time, beam.pid); });
  return all;
}

bool ProcessTable::lives(const Beam& beam) const {
  const auto stat = live_stat(folder_, beam.pid);
  return stat && stat->start == beam.start_time;
}

bool ProcessTable::has_beam_starter() const {
  return std::ranges::any_of(pids(folder_), [this](pid_t pid) {
    const auto name = program_of(folder_, pid);
    return (name == "heart\n" || name == "run_erl\n") && live_stat(folder_, pid);
  });
}

Expected<BeamCookie> ProcessTable::cookie_of(const Beam& beam) const {
  if (beam.arguments.setcookie_flag == SetcookieFlag::taken) {
    return found(checked_cookie(beam.arguments.cookie.reveal()), "-setcookie");
  }
  const auto root = root_of(folder_, beam.pid);
  const auto files = cookie_files(folder_, beam);
  std::optional<Expected<BeamCookie>> result;
  for (const auto& file : files) {
    const auto text = read_file_start(root + file, max_small_file);
    const auto source =
        "'" + printable(file) + "'" +
        (beam.arguments.setcookie_flag == SetcookieFlag::ignored ? ", as the BEAM ignores its -setcookie"
                                                                 : "");
    if (text) {
      result = found(parse_cookie_file(*text), source);
      break;
    }
    if (text.error().code != ErrorCode::not_found) {
      result = failure(ErrorCode::unavailable, source + ": " + text.error().message);
      break;
    }
  }
  if (!lives(beam)) {
    return failure(ErrorCode::unavailable, "the BEAM has ended");
  }
  if (result) {
    return *std::move(result);
  }
  return failure(ErrorCode::not_found,
                 files.empty()
                     ? "the BEAM has neither -setcookie nor a home for its cookie file"
                     : "the BEAM has no -setcookie, and there is no '" + printable(files.front()) + "'");
}

}  // namespace rancher_cnode::host
