#include "agent/scp/invocation.h"

#include <algorithm>
#include <functional>
#include <string>

namespace rdev::scp {
namespace {

struct Parsed {
  Invocation invocation;
  bool from = false, to = false;
};

// One word of options, "-rp"; false for what no client sends.
bool take_options(std::string_view letters, Parsed& parsed) {
  for (const char letter : letters) {
    switch (letter) {
      case 'f':
        parsed.from = true;
        break;
      case 't':
        parsed.to = true;
        break;
      case 'r':
        parsed.invocation.recursive = true;
        break;
      case 'p':
        parsed.invocation.preserve = true;
        break;
      case 'd':
        parsed.invocation.into_directory = true;
        break;
      case 'v':
      case 'q':
        break;
      default:
        return false;
    }
  }
  return !letters.empty();
}

}  // namespace

std::optional<Invocation> parse_invocation(std::string_view command) {
  // Most commands are something else, and some are long.
  if (!command.starts_with("scp ")) {
    return std::nullopt;
  }
  auto words = process::split_patterns(command);
  if (!words || std::any_of(words->begin(), words->end(), std::mem_fn(&process::Word::comment))) {
    return std::nullopt;
  }
  Parsed parsed;
  std::size_t at = 1;
  for (; at < words->size() && (*words)[at].text.starts_with('-'); ++at) {
    const std::string& word = (*words)[at].text;
    if (word == "--") {
      ++at;
      break;
    }
    if (!take_options(std::string_view(word).substr(1), parsed)) {
      return std::nullopt;
    }
  }
  if (parsed.from == parsed.to || at == words->size()) {
    return std::nullopt;
  }
  parsed.invocation.role = parsed.from ? Role::kSource : Role::kSink;
  words->erase(words->begin(), words->begin() + static_cast<std::ptrdiff_t>(at));
  parsed.invocation.paths = *std::move(words);
  return std::move(parsed.invocation);
}

}  // namespace rdev::scp
