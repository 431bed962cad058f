#include "cli/commands/release.hpp"

#include <algorithm>
#include <array>
#include <sstream>
#include <string_view>
#include <system_error>
#include <utility>

#include "rancher_cnode/core/regular_file.hpp"

namespace rancher_cnode::cli {
namespace fs = std::filesystem;
namespace {

/// Enough for any start script, and too little for a program.
constexpr std::size_t longest_script = 65'536;
constexpr std::size_t longest_data = 4096;
constexpr std::string_view between_words = " \t\r\n\"'`;&|()<>=";

std::vector<std::string> words_of(std::string_view text) {
  std::vector<std::string> words;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find_first_of(between_words, at), text.size());
    if (end > at) {
      words.emplace_back(text.substr(at, end - at));
    }
    at = end + 1;
  }
  return words;
}

/// The file that a shell would execute, its links resolved. Empty if there is none.
fs::path executable(const std::string& word, const fs::path& working_folder, std::string_view search) {
  std::error_code error;
  if (word.find('/') != std::string::npos) {
    fs::path file = fs::canonical(working_folder / word, error);
    return !error && fs::is_regular_file(file, error) ? file : fs::path();
  }
  for (std::size_t at = 0; at <= search.size();) {
    const std::size_t end = std::min(search.find(':', at), search.size());
    fs::path file = fs::canonical(fs::path(search.substr(at, end - at)) / word, error);
    if (!error && fs::is_regular_file(file, error)) {
      return file;
    }
    at = end + 1;
  }
  return {};
}

/// "" if it is no script.
std::string text_of_script(const fs::path& file) {
  std::string text = read_file_start(file, longest_script).value_or("");
  return text.starts_with("#!") ? text : "";
}

/// The current version, as a release's script finds it.
std::string version_of(const fs::path& releases, const config::Environment& environment) {
  std::string erts;
  std::string version;
  std::istringstream(read_file_start(releases / "start_erl.data", longest_data).value_or("")) >> erts >>
      version;
  return environment.get("RELEASE_VSN").value_or(version);
}

/// The release has a NAME.rel; where it has several, it is the one whose start script there is.
std::string name_of(const fs::path& root, const fs::path& folder) {
  std::error_code error;
  std::vector<std::string> names;
  for (fs::directory_iterator entry(folder, error); !error && entry != fs::directory_iterator();
       entry.increment(error)) {
    if (entry->path().extension() == ".rel") {
      names.push_back(entry->path().stem());
    }
  }
  std::ranges::sort(names);
  const auto with_script = std::ranges::find_if(
      names, [&](const std::string& name) { return fs::exists(root / "bin" / name, error); });
  return with_script != names.end() ? *with_script : names.empty() ? "" : names.front();
}

std::optional<MixRelease> mix_release_in(const fs::path& root, const config::Environment& environment) {
  std::error_code error;
  const fs::path releases = root / "releases";
  const fs::path folder = releases / version_of(releases, environment);
  if (!fs::is_regular_file(folder / "env.sh", error)) {
    return std::nullopt;
  }
  std::string name = environment.get("RELEASE_NAME").value_or(name_of(root, folder));
  return name.empty() ? std::nullopt : std::optional(MixRelease{root, std::move(name)});
}

std::optional<MixRelease> mix_release_of(const fs::path& script, const config::Environment& environment) {
  const fs::path beside = script.parent_path();
  auto release = mix_release_in(beside.parent_path(), environment);
  return release ? release : mix_release_in(beside, environment);
}

}  // namespace

std::optional<MixRelease> find_mix_release(const std::vector<std::string>& command,
                                           const fs::path& working_folder,
                                           const config::Environment& environment) {
  const std::string search = environment.get("PATH").value_or("/usr/bin:/bin");
  std::vector<fs::path> files;
  const auto look_at = [&](const std::string& text) -> std::optional<MixRelease> {
    for (const std::string& word : words_of(text)) {
      if (const fs::path file = executable(word, working_folder, search); !file.empty()) {
        if (auto release = mix_release_of(file, environment)) {
          return release;
        }
        files.push_back(file);
      }
    }
    return std::nullopt;
  };
  for (const std::string& argument : command) {
    if (auto release = look_at(argument)) {
      return release;
    }
  }
  const auto of_command = std::exchange(files, {});
  for (const fs::path& file : of_command) {
    if (auto release = look_at(text_of_script(file))) {
      return release;
    }
  }
  return mix_release_in(working_folder, environment);
}

}  // namespace rancher_cnode::cli
