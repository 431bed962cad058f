#include "cli/completions.hpp"

#include "cli/entries.hpp"
#include "rancher_cnode/config/rules.hpp"

namespace rancher_cnode::cli {
using namespace config;

namespace {

/// In single quotes of a shell.
std::string in_single_quotes(std::string_view text) { return "'" + replaced(text, '\'', "'\\''") + "'"; }

/// A first sentence, for a list of candidates.
std::string brief(const std::string& help) {
  const std::size_t end = help.find(". ");
  return end == std::string::npos ? help.substr(0, help.find_last_not_of('.') + 1) : help.substr(0, end);
}

bool is_file(const Entry& entry) { return entry.argument == "FILE" || entry.argument == "PROGRAM"; }

std::string words_of(const Entry& entry) {
  const auto choices = choices_of(entry.argument);
  std::string words;
  for (const auto& choice : choices) {
    words += choices.size() < 2 || entry.argument.starts_with("N") ? "" : (words.empty() ? "" : " ") + choice;
  }
  return words;
}

std::string command_names() {
  std::string names;
  for (const Command& command : commands()) {
    names += (names.empty() ? "" : " ") + std::string(command.name);
  }
  return names;
}

/// Of all but run.
std::string other_names() {
  std::string names;
  for (const Command& command : commands()) {
    names += command.name == "run" ? "" : (names.empty() ? "" : " ") + std::string(command.name);
  }
  return names;
}

std::string bash() {
  std::string script =
      "# bash completion for rancher_cnode\n"
      "_rancher_cnode() {\n"
      "  local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD-1]} command=run word "
      "words\n"
      "  COMPREPLY=()\n"
      "  for word in \"${COMP_WORDS[@]:1:COMP_CWORD-1}\"; do\n"
      "    [[ $word == -- ]] && return\n"
      "    case $word in " +
      replaced(command_names(), ' ', "|") +
      ") command=$word; break ;; esac\n"
      "  done\n"
      "  case $command:$previous in\n";
  for (const Command& command : commands()) {
    for (const Entry& entry : all_entries(command)) {
      const std::string at = std::string(command.name) + ":" + entry.name;
      if (is_file(entry)) {
        script += "    " + at + ") COMPREPLY=($(compgen -f -- \"$current\")); return ;;\n";
      } else if (const auto words = words_of(entry); !words.empty()) {
        script += "    " + at + ") COMPREPLY=($(compgen -W " + in_single_quotes(words) +
                  " -- \"$current\")); return ;;\n";
      } else if (!entry.argument.empty() && !entry.argument.starts_with('[')) {
        script += "    " + at + ") return ;;\n";
      }
    }
  }
  script += "  esac\n  case $command in\n";
  for (const Command& command : commands()) {
    std::string words;
    for (const Entry& entry : all_entries(command)) {
      words += " " + entry.name;
    }
    for (const auto& operand : choices_of(command.operands)) {
      words += choices_of(command.operands).size() < 2 ? "" : " " + operand;
    }
    script += "    " + std::string(command.name) + ") words=" + in_single_quotes(words) + " ;;\n";
  }
  script +=
      "  esac\n"
      "  [[ $command == run ]] && words+=" +
      in_single_quotes(" " + command_names()) +
      "\n"
      "  COMPREPLY=($(compgen -W \"$words\" -- \"$current\"))\n"
      "}\n"
      "complete -F _rancher_cnode rancher_cnode\n";
  return script;
}

/// Text in a specification of _arguments.
std::string in_brackets(std::string_view text) {
  return replaced(replaced(replaced(replaced(text, '\\', "\\\\"), '[', "\\["), ']', "\\]"), ':', "\\:");
}

std::string zsh() {
  std::string script =
      "#compdef rancher_cnode\n"
      "_rancher_cnode() {\n"
      "  local command=run word\n"
      "  local -a commands specs\n"
      "  commands=(";
  for (const Command& command : commands()) {
    script += "\n    " + in_single_quotes(std::string(command.name) + ":" +
                                          replaced(brief(std::string(command.summary)), ':', "\\:"));
  }
  script +=
      "\n  )\n"
      "  for word in ${words[2,CURRENT-1]}; do\n"
      "    [[ $word == -- ]] && return 1\n"
      "    case $word in (" +
      replaced(command_names(), ' ', "|") +
      ") command=$word; break ;; esac\n"
      "  done\n"
      "  case $command in\n";
  for (const Command& command : commands()) {
    script += "    (" + std::string(command.name) + ") specs=(";
    for (const Entry& entry : all_entries(command)) {
      const auto words = words_of(entry);
      const std::string value = entry.argument.empty()            ? ""
                                : entry.argument.starts_with('[') ? "::" + in_brackets(entry.argument) + ":"
                                                                  : ":" + in_brackets(entry.argument) + ":" +
                                                                        (is_file(entry)  ? "_files"
                                                                         : words.empty() ? ""
                                                                                         : "(" + words + ")");
      script += "\n      " +
                in_single_quotes("*" + entry.name + "[" + in_brackets(brief(entry.help)) + "]" + value);
    }
    const auto operands = choices_of(command.operands);
    if (operands.size() > 1) {
      script += "\n      " + in_single_quotes("*:" + std::string(command.name) + ":(" +
                                              replaced(command.operands, '|', " ") + " " +
                                              std::string(command.name) + ")");
    } else {
      script += "\n      '*:command:{ (( CURRENT == 2 )) && _describe command commands }'";
    }
    script += ") ;;\n";
  }
  return script +
         "  esac\n"
         "  _arguments $specs\n"
         "}\n"
         "if [[ $funcstack[1] == _rancher_cnode ]]; then\n  _rancher_cnode \"$@\"\nelse\n  compdef "
         "_rancher_cnode rancher_cnode\nfi\n";
}

/// In single quotes of fish, whose only escapes there are \' and \\.
std::string fish_quoted(std::string_view text) {
  return "'" + replaced(replaced(text, '\\', "\\\\"), '\'', "\\'") + "'";
}

std::string fish() {
  std::string script = "# fish completion for rancher_cnode\ncomplete -c rancher_cnode -f\n";
  for (const Command& command : commands()) {
    script += "complete -c rancher_cnode -n __fish_use_subcommand -a " + std::string(command.name) + " -d " +
              fish_quoted(brief(std::string(command.summary))) + "\n";
    const std::string seen = fish_quoted("__fish_seen_subcommand_from " + std::string(command.name));
    if (const auto operands = choices_of(command.operands); operands.size() > 1) {
      for (const auto& operand : operands) {
        script.append("complete -c rancher_cnode -n ")
            .append(seen)
            .append(" -a ")
            .append(operand)
            .append("\n");
      }
    }
    for (const Entry& entry : all_entries(command)) {
      const auto words = words_of(entry);
      const bool requires_value = !entry.argument.empty() && !entry.argument.starts_with('[');
      // run is also what is meant without a word.
      script +=
          "complete -c rancher_cnode -n " +
          (command.name == "run" ? fish_quoted("not __fish_seen_subcommand_from " + other_names()) : seen) +
          " -l " + entry.name.substr(2) +
          (is_file(entry)   ? " -r -F"
           : requires_value ? " -x"
                            : "") +
          (words.empty() ? "" : " -a " + fish_quoted(words)) + " -d " + fish_quoted(brief(entry.help)) + "\n";
    }
  }
  return script;
}

}  // namespace

std::string completions(std::string_view shell) {
  return shell == "bash" ? bash() : shell == "zsh" ? zsh() : fish();
}

}  // namespace rancher_cnode::cli
