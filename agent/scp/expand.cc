#include "agent/scp/expand.h"

#include <glob.h>

#include <cstdlib>
#include <deque>
#include <optional>
#include <utility>

#include "agent/process/accounts.h"

namespace rdev::scp {
namespace {

constexpr std::size_t kMostPatterns = 10'000;

std::optional<std::string> home_of(const std::string& user) {
  if (user.empty()) {
    const char* const home = std::getenv("HOME");
    return home != nullptr && *home != '\0' ? std::optional<std::string>(home) : std::nullopt;
  }
  const auto account = process::find_account(user);
  return account ? std::optional(account->home) : std::nullopt;
}

std::string as_pattern(const std::string& text) {
  std::string pattern;
  for (const char c : text) {
    if (std::string_view("*?[]{},~\\").find(c) != std::string_view::npos) {
      pattern += '\\';
    }
    pattern += c;
  }
  return pattern;
}

std::string as_text(const std::string& pattern) {
  std::string text;
  for (std::size_t at = 0; at < pattern.size(); ++at) {
    at += pattern[at] == '\\' && at + 1 < pattern.size() ? 1 : 0;
    text += pattern[at];
  }
  return text;
}

// The first {,} of a pattern that is whole.
struct Braces {
  std::size_t begin = 0, end = 0;                            // of it all
  std::vector<std::pair<std::size_t, std::size_t>> choices;  // begin and end of each
};

std::optional<Braces> braces_at(const std::string& pattern, std::size_t begin) {
  Braces braces{.begin = begin, .choices = {{begin + 1, 0}}};
  int depth = 0;
  for (std::size_t at = begin + 1; at < pattern.size(); ++at) {
    const char c = pattern[at];
    if (c == '\\') {
      ++at;
    } else if (c == '{') {
      ++depth;
    } else if (c == '}' && depth > 0) {
      --depth;
    } else if (depth == 0 && (c == ',' || c == '}')) {
      braces.choices.back().second = at;
      if (c == '}') {
        braces.end = at + 1;
        return braces.choices.size() > 1 ? std::optional(std::move(braces)) : std::nullopt;
      }
      braces.choices.emplace_back(at + 1, 0);
    }
  }
  return std::nullopt;
}

std::optional<Braces> find_braces(const std::string& pattern) {
  for (std::size_t at = 0; at < pattern.size(); ++at) {
    if (pattern[at] == '\\') {
      ++at;
    } else if (pattern[at] == '{') {
      if (auto braces = braces_at(pattern, at)) {
        return braces;
      }
    }
  }
  return std::nullopt;
}

// All that {,} stands for, in order; nothing when it is more than anybody means.
std::vector<std::string> without_braces(const std::string& pattern) {
  std::vector<std::string> done;
  std::deque<std::string> left{pattern};
  while (!left.empty()) {
    const std::string next = std::move(left.front());
    left.pop_front();
    const auto braces = find_braces(next);
    if (!braces) {
      done.push_back(next);
      continue;
    }
    if (done.size() + left.size() + braces->choices.size() > kMostPatterns) {
      return {};
    }
    for (auto choice = braces->choices.rbegin(); choice != braces->choices.rend(); ++choice) {
      left.push_front(next.substr(0, braces->begin) +
                      next.substr(choice->first, choice->second - choice->first) +
                      next.substr(braces->end));
    }
  }
  return done;
}

void add_matches(const std::string& pattern, std::vector<std::string>& paths) {
  glob_t found{};
  if (::glob(pattern.c_str(), 0, nullptr, &found) == 0) {
    paths.insert(paths.end(), found.gl_pathv, found.gl_pathv + found.gl_pathc);
  } else {
    paths.push_back(as_text(pattern));
  }
  ::globfree(&found);
}

process::Word without_tilde(process::Word word) {
  const std::string user = word.text.substr(1, word.text.find('/') - 1);
  const auto home = home_of(user);
  if (!word.tilde || !home) {
    return word;
  }
  const std::size_t user_in_pattern = word.pattern.find('/');
  word.text.replace(0, 1 + user.size(), *home);
  word.pattern.replace(0, user_in_pattern, as_pattern(*home));
  return word;
}

}  // namespace

std::vector<std::string> expand(const process::Word& given) {
  const process::Word word = given.tilde ? without_tilde(given) : given;
  if (!word.expands) {
    return {word.text};
  }
  std::vector<std::string> paths;
  const auto patterns = without_braces(word.pattern);
  for (const std::string& pattern : patterns) {
    add_matches(pattern, paths);
  }
  return patterns.empty() ? std::vector<std::string>{word.text} : paths;
}

}  // namespace rdev::scp
