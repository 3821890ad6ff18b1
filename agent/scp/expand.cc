#include "agent/scp/expand.h"

#include <glob.h>

#include <cstdlib>
#include <optional>

#include "agent/process/accounts.h"

namespace rdev::scp {
namespace {

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
  glob_t found{};
  std::vector<std::string> paths;
  if (::glob(word.pattern.c_str(), GLOB_BRACE, nullptr, &found) == 0) {
    paths.assign(found.gl_pathv, found.gl_pathv + found.gl_pathc);
  }
  ::globfree(&found);
  return paths.empty() ? std::vector<std::string>{word.text} : paths;
}

}  // namespace rdev::scp
