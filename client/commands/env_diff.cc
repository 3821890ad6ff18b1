#include "client/commands/env_diff.h"

#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <set>

#include "client/ui/table.h"
#include "client/ui/utf8.h"

namespace rdev::commands {
namespace {

namespace json = boost::json;

// What names a session and its terminal, and what shells note of themselves.
bool is_expected(std::string_view name) {
  static constexpr std::array<std::string_view, 12> kNames{
      "TERM",  "SSH_TTY", "SSH_CONNECTION", "SSH_CLIENT", "SSH_AUTH_SOCK", "PWD", "OLDPWD",
      "SHLVL", "_",       "LINES",          "COLUMNS",    "COLORTERM"};
  return std::find(kNames.begin(), kNames.end(), name) != kNames.end();
}

// What a login gives a session and a container's command may lack.
bool comes_with_login(const Difference& difference) {
  static constexpr std::array<std::string_view, 4> kNames{"USER", "LOGNAME", "HOME", "SHELL"};
  if (std::find(kNames.begin(), kNames.end(), difference.name) == kNames.end()) {
    return false;
  }
  std::set<std::string> values;
  for (const auto& value : difference.values) {
    if (value) {
      values.insert(*value);
    }
  }
  return values.size() == 1;
}

std::string upper(std::string_view text) {
  std::string result;
  for (const char c : text) {
    result += c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  }
  return result;
}

std::string joined(const std::vector<std::string>& words, const char* between) {
  std::string text;
  for (const std::string& word : words) {
    text += (text.empty() ? "" : between) + word;
  }
  return text;
}

// "exec, sftp and command"
std::string in_words(const std::vector<SeenEnvironment>& environments) {
  std::string text;
  for (std::size_t i = 0; i < environments.size(); ++i) {
    const char* const between = i + 1 == environments.size() ? " and " : ", ";
    text += (i == 0 ? "" : between) + environments[i].who;
  }
  return text;
}

// Who sees the same value stands in one line.
std::string lines_of(const Difference& difference,
                     const std::vector<SeenEnvironment>& environments) {
  std::string text = ui::printable_line(difference.name) + "\n";
  std::vector<std::vector<std::string>> rows;
  std::vector<bool> told(environments.size());
  for (std::size_t i = 0; i < environments.size(); ++i) {
    if (told[i]) {
      continue;
    }
    std::vector<std::string> who;
    for (std::size_t j = i; j < environments.size(); ++j) {
      if (difference.values[j] == difference.values[i]) {
        told[j] = true;
        who.push_back(environments[j].who);
      }
    }
    rows.push_back({" ", joined(who, ", "), difference.values[i].value_or("(unset)")});
  }
  return text + ui::render_table(rows);
}

}  // namespace

Variables parse_environment(std::string_view entries) {
  Variables variables;
  while (!entries.empty()) {
    const std::string_view entry = entries.substr(0, entries.find('\0'));
    entries.remove_prefix(std::min(entries.size(), entry.size() + 1));
    const std::size_t equals = entry.find('=');
    if (equals != std::string_view::npos && equals != 0) {
      variables.emplace(entry.substr(0, equals), entry.substr(equals + 1));
    }
  }
  return variables;
}

EnvDiff compare(const std::vector<SeenEnvironment>& environments) {
  std::set<std::string> names;
  for (const SeenEnvironment& environment : environments) {
    for (const auto& [name, value] : environment.variables) {
      names.insert(name);
    }
  }
  EnvDiff diff;
  for (const std::string& name : names) {
    Difference difference{.name = name, .values = {}};
    for (const SeenEnvironment& environment : environments) {
      const auto found = environment.variables.find(name);
      difference.values.push_back(
          found == environment.variables.end() ? std::nullopt : std::optional(found->second));
    }
    const auto& values = difference.values;
    if (std::all_of(values.begin(), values.end(), [&](const auto& v) { return v == values[0]; })) {
      ++diff.same;
    } else if (is_expected(name) || comes_with_login(difference)) {
      diff.expected.push_back(name);
    } else {
      diff.differences.push_back(std::move(difference));
    }
  }
  return diff;
}

bool looks_secret(std::string_view name) {
  static constexpr std::array<std::string_view, 8> kWords{"TOKEN",  "PASS", "_PWD",       "AUTH",
                                                          "SECRET", "KEY",  "CREDENTIAL", "COOKIE"};
  // Paths and people.
  static constexpr std::array<std::string_view, 7> kKnown{
      "SSH_AUTH_SOCK", "XAUTHORITY",      "SSH_ASKPASS",     "SUDO_ASKPASS",
      "GIT_ASKPASS",   "GIT_AUTHOR_NAME", "GIT_AUTHOR_EMAIL"};
  const std::string text = upper(name);
  if (std::find(kKnown.begin(), kKnown.end(), text) != kKnown.end()) {
    return false;
  }
  return std::any_of(kWords.begin(), kWords.end(),
                     [&](std::string_view word) { return text.find(word) != std::string::npos; });
}

void mask(EnvDiff& diff) {
  for (Difference& difference : diff.differences) {
    if (!looks_secret(difference.name)) {
      continue;
    }
    std::map<std::string, std::string> shown;
    for (auto& value : difference.values) {
      if (value) {
        const std::size_t number = shown.size() + 1;
        value = shown
                    .try_emplace(*value, number == 1 ? "(hidden)"
                                                     : "(hidden " + std::to_string(number) + ")")
                    .first->second;
      }
    }
  }
}

std::string as_text(const std::vector<SeenEnvironment>& environments, const EnvDiff& diff) {
  std::string text;
  for (const SeenEnvironment& environment : environments) {
    text += environment.note.empty() ? "" : environment.who + ": " + environment.note + "\n";
  }
  for (const Difference& difference : diff.differences) {
    text += lines_of(difference, environments);
  }
  text += diff.differences.empty() ? "the same: " : "all else is the same: ";
  text += in_words(environments) + " see " + std::to_string(diff.same) + " variables alike";
  if (!diff.expected.empty()) {
    text += " (apart from what belongs to a session: " + joined(diff.expected, ", ") + ")";
  }
  return text + "\n";
}

std::string as_json(const std::string& job, const std::vector<SeenEnvironment>& environments,
                    const EnvDiff& diff) {
  json::array who;
  for (const SeenEnvironment& environment : environments) {
    who.push_back({{"who", environment.who}, {"note", environment.note}});
  }
  json::array differences;
  for (const Difference& difference : diff.differences) {
    json::object values;
    for (std::size_t i = 0; i < environments.size(); ++i) {
      const auto& value = difference.values[i];
      values[environments[i].who] =
          value ? json::value(ui::valid_utf8(*value)) : json::value(nullptr);
    }
    differences.push_back(
        {{"name", ui::valid_utf8(difference.name)}, {"values", std::move(values)}});
  }
  const json::object object = {
      {"name", job},
      {"same", diff.differences.empty()},
      {"environments", std::move(who)},
      {"differences", std::move(differences)},
      {"expected", json::array(diff.expected.begin(), diff.expected.end())},
      {"same_variables", diff.same}};
  return json::serialize(object) + "\n";
}

}  // namespace rdev::commands
