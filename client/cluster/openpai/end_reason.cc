// The platform's diagnosis as a sentence: end_reason() of detail.h.
#include "client/cluster/openpai/detail.h"
#include "client/cluster/openpai/read_json.h"

namespace rdev::cluster::openpai {
namespace {

constexpr std::size_t kMaxPart = 120;  // bytes; three of them and what joins them are below 500

// Without the JSON that Kubernetes' launcher puts behind its words: "Pod failed: {…}".
std::string_view words_of(std::string_view text) {
  text = text.substr(0, text.find_first_of("{["));
  const std::size_t last = text.find_last_not_of(" \t\r\n:,");
  return last == std::string_view::npos ? std::string_view() : text.substr(0, last + 1);
}

// A traceback says why in its last line.
std::string_view last_line(std::string_view text) {
  const std::size_t last = text.find_last_not_of(" \t\r\n");
  if (last == std::string_view::npos) {
    return {};
  }
  text = text.substr(0, last + 1);
  const std::size_t line_end = text.find_last_of("\r\n");
  return line_end == std::string_view::npos ? text : text.substr(line_end + 1);
}

bool looks_like_json(std::string_view text) {
  return text.starts_with('{') || text.starts_with('[');
}

std::string diagnosis(const Exit& exit) {
  for (const std::string_view text : {std::string_view(exit.reason), words_of(exit.diagnostics),
                                      words_of(exit.launcher), std::string_view(exit.phrase)}) {
    if (!text.empty()) {
      return plain(text, kMaxPart);
    }
  }
  return "the platform gives no reason";
}

std::string codes(const Exit& exit) {
  std::string text = plain(exit.phrase, 60);
  // The command's own 0 beside a failure is the platform's failure.
  if (const auto code = exit.user_code.value_or(0) != 0 ? exit.user_code : exit.code) {
    text += (text.empty() ? "exit code " : ", exit code ") + std::to_string(*code);
  }
  return text.empty() ? "" : " (" + text + ")";
}

std::string last_words(const Exit& exit) {
  for (const std::string& text : {exit.container, exit.runtime}) {
    const std::string_view line = last_line(text);
    if (!line.empty() && !looks_like_json(line)) {
      return plain(line, kMaxPart);
    }
  }
  return "";
}

std::string advised(const Exit& exit) {
  std::string text;
  for (const std::string& sentence : exit.solution) {
    text += (text.empty() ? "" : "; ") + sentence;
  }
  return plain(text, kMaxPart);
}

}  // namespace

std::string end_reason(const JobDetail& detail, Advice advice) {
  if (detail.state == State::kStopped) {
    return "it was stopped" + codes(detail.exit) + ": " + diagnosis(detail.exit);
  }
  if (detail.state != State::kFailed) {
    return "";
  }
  std::string text = diagnosis(detail.exit) + codes(detail.exit);
  if (const std::string words = last_words(detail.exit); !words.empty()) {
    text += "; its last words: " + words;
  }
  const std::string sentences = advice == Advice::kWith ? advised(detail.exit) : "";
  return text + (sentences.empty() ? "" : "; the platform's advice: " + sentences);
}

}  // namespace rdev::cluster::openpai
