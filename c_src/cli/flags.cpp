#include "cli/flags.hpp"

#include <algorithm>
#include <iterator>
#include <string_view>
#include <utility>

#include "rancher_cnode/config/messages.hpp"
#include "rancher_cnode/config/rules.hpp"
#include "rancher_cnode/config/settings.hpp"
#include "rancher_cnode/config/suggestion.hpp"

namespace rancher_cnode::cli {
using namespace config;

namespace {

enum class Value { none, optional, required };

Value value_of(std::string_view argument) {
  return argument.empty() ? Value::none : argument.starts_with('[') ? Value::optional : Value::required;
}

/// A row of one of the tables. Of a flag that is in several, the one of the command.
struct Row {
  const Setting* setting = nullptr;
  const Flag* of_command = nullptr;
  const Flag* general = nullptr;

  [[nodiscard]] bool is_known() const {
    return setting != nullptr || of_command != nullptr || general != nullptr;
  }
  [[nodiscard]] Value value() const {
    if (setting != nullptr) {
      return setting->shape == Shape::toggle ? Value::none : Value::required;
    }
    const Flag* const flag = of_command != nullptr ? of_command : general;
    return flag != nullptr ? value_of(flag->argument) : Value::none;
  }
};

const Flag* find_in(const std::vector<Flag>& flags, std::string_view name) {
  const auto found = std::ranges::find(flags, name, &Flag::name);
  return found == flags.end() ? nullptr : &*found;
}

Row find_row(std::string_view name, const Command& command) {
  if (const Flag* const flag = find_in(command.flags, name)) {
    return {.of_command = flag};
  }
  if (const Flag* const flag = find_in(general_flags(), name == "-h" ? "--help" : name)) {
    return {.general = flag};
  }
  return {.setting = name.starts_with("--") ? find_setting(name.substr(2)) : nullptr};
}

/// Whether the value of a flag may be the next argument, whatever the command is.
bool takes_next(std::string_view name) {
  return std::ranges::any_of(
      commands(), [&](const Command& command) { return find_row(name, command).value() == Value::required; });
}

/// The first word that names one and is not the value of a flag. The default is run.
const Command* command_among(const std::vector<std::string>& arguments) {
  for (auto argument = arguments.begin(); argument != arguments.end(); ++argument) {
    const Command* const command = find_command(*argument);
    if (command != nullptr) {
      return command;
    }
    const auto next = std::next(argument);
    if (takes_next(*argument) && next != arguments.end() && !next->starts_with("--")) {
      argument = next;
    }
  }
  return find_command("run");
}

/// Whether its operand is one of some words.
bool takes_word(const Command& command) { return command.operands.find('|') != std::string_view::npos; }

std::string unknown_argument(const std::string& name, const Command& command) {
  if (name == "--cookie" || name == "--setcookie" || name == "-setcookie") {
    return "there is no flag " + name +
           ", because arguments are visible in process lists; use --cookie-file, $RANCHER_CNODE_COOKIE, "
           "$RELEASE_COOKIE or ~/.erlang.cookie";
  }
  std::vector<std::string> names;
  if (!name.starts_with('-')) {
    std::ranges::transform(commands(), std::back_inserter(names),
                           [](const Command& c) { return std::string(c.name); });
  } else {
    std::ranges::transform(setting_names(), std::back_inserter(names), flag_of);
    for (const auto* flags : {&command.flags, &general_flags()}) {
      std::ranges::transform(*flags, std::back_inserter(names),
                             [](const Flag& flag) { return std::string(flag.name); });
    }
  }
  const auto suggestion = did_you_mean(name, names);
  return (name.starts_with('-') ? "unknown flag " : "unknown command ") + shown(name) +
         (suggestion.empty() ? "; see --help" : suggestion);
}

/// Takes the arguments one by one.
class Parser {
 public:
  Parser(const std::vector<std::string>& arguments, Flags& flags)
      : next_(arguments.begin()), end_(arguments.end()), flags_(flags) {}

  void parse() {
    bool named = false;
    while (next_ != end_) {
      const std::string& argument = *next_++;
      if (argument.starts_with('-')) {
        parse_flag(argument);
      } else if (!named && find_command(argument) == flags_.command) {
        named = true;
      } else if (takes_word(*flags_.command) && flags_.program.empty()) {
        take_word(argument);
      } else {
        flags_.problems.push_back(unknown_argument(argument, *flags_.command));
      }
    }
  }

 private:
  void take_word(const std::string& word) {
    const auto choices = choices_of(flags_.command->operands);
    if (std::ranges::find(choices, word) == choices.end()) {
      flags_.problems.push_back(std::string(flags_.command->name) + " " + shown(word) + " " +
                                choice_rule(word, flags_.command->operands));
    }
    flags_.program.push_back(word);
  }

  void parse_flag(const std::string& argument) {
    const std::size_t equals = argument.find('=');
    const std::string name = argument.substr(0, equals);
    const Row row = find_row(name, *flags_.command);
    if (!row.is_known()) {
      flags_.problems.push_back(unknown_argument(name, *flags_.command));
      skip_value(equals);
      return;
    }
    if (equals != std::string::npos) {
      add(argument, row, argument.substr(equals + 1));
      return;
    }
    const bool is_there = next_ != end_ && !next_->starts_with("--");
    if (row.value() == Value::required) {
      add(argument, row, is_there ? *next_++ : "");
    } else if (row.value() == Value::optional) {
      const bool given = is_there && next_->find_first_of("0123456789") == 0;
      add(argument, row, given ? *next_++ : std::string(row.of_command->fallback));
    } else {
      add(argument, row, "true");
    }
  }

  /// It may be a secret, and is not to be taken for a command.
  void skip_value(std::size_t equals) {
    if (equals == std::string::npos && next_ != end_ && !next_->starts_with('-') && !find_command(*next_)) {
      ++next_;
    }
  }

  void add(const std::string& argument, const Row& row, std::string text) {
    if (text.empty()) {
      flags_.problems.push_back(shown(argument) + " has no value");
    } else if (row.of_command != nullptr) {
      const auto rule = broken_rule(*row.of_command, text);
      if (!rule.empty()) {
        flags_.problems.push_back(std::string(row.of_command->name) + " " + shown(text) + " " + rule);
      }
      flags_.options.texts.insert_or_assign(std::string(row.of_command->name), std::move(text));
    } else if (row.general != nullptr) {
      flags_.general.texts.insert_or_assign(std::string(row.general->name), std::move(text));
    } else {
      auto& given = flags_.settings[std::string(row.setting->name)];
      given.origin = Origin::flag;
      if (row.setting->shape != Shape::list) {
        given.texts.clear();
      }
      given.texts.push_back(std::move(text));
    }
  }

  std::vector<std::string>::const_iterator next_;
  std::vector<std::string>::const_iterator end_;
  Flags& flags_;
};

}  // namespace

Flags parse_flags(const std::vector<std::string>& arguments) {
  const auto separator = std::ranges::find(arguments, "--");
  const std::vector<std::string> ours(arguments.begin(), separator);
  Flags flags;
  flags.command = command_among(ours);
  Parser(ours, flags).parse();
  for (const Flag& flag : flags.command->flags) {
    if (!flag.fallback.empty() && value_of(flag.argument) == Value::required) {
      flags.options.texts.emplace(flag.name, flag.fallback);
    }
  }
  const bool takes_operands = !flags.command->operands.empty();
  if (separator != arguments.end()) {
    flags.program.assign(std::next(separator), arguments.end());
    if (!takes_operands || takes_word(*flags.command)) {
      flags.problems.push_back(unknown_argument("--", *flags.command));
    }
  }
  if (takes_operands && flags.program.empty()) {
    const std::string name(flags.command->name);
    flags.problems.push_back(name + (takes_word(*flags.command) ? " needs a word" : " needs a command") +
                             ": rancher_cnode " + name + " [settings] " +
                             std::string(flags.command->operands));
  }
  return flags;
}

}  // namespace rancher_cnode::cli
