#include "agent/process/words.h"

#include <optional>

namespace rdev::process {
namespace {

class Splitter final {
 public:
  explicit Splitter(std::string_view text) : text_(text) {}

  Result<std::vector<Word>> split() {
    while (at_ < text_.size()) {
      if (auto taken = take(text_[at_++]); !taken) {
        return tl::make_unexpected(taken.error());
      }
    }
    end_word();
    return std::move(words_);
  }

 private:
  Result<void> take(char c) {
    if (line_ended_ && std::string_view(" \t\n").find(c) == std::string_view::npos) {
      return fail(Code::kUsage,
                  "the command has several lines, which only a shell understands: quote the line "
                  "end, or use an image that has a shell");
    }
    switch (c) {
      case '\n':
        end_word();
        line_ended_ = !words_.empty();
        return {};
      case ' ':
      case '\t':
        end_word();
        return {};
      case '\'':
        return single_quoted();
      case '"':
        return double_quoted();
      case '\\':
        return escaped();
      case '|':
      case '&':
      case ';':
      case '<':
      case '>':
      case '(':
      case ')':
      case '$':
      case '`':
        return needs_shell(c);
      case '\0':
        return fail(Code::kUsage, "the command holds a NUL byte");
      default:
        add_unquoted(c);
        return {};
    }
  }

  Result<void> single_quoted() {
    const std::size_t end = text_.find('\'', at_);
    if (end == std::string_view::npos) {
      return fail(Code::kUsage, "the command has an opening ' without a closing one");
    }
    add(text_.substr(at_, end - at_));
    at_ = end + 1;
    return {};
  }

  Result<void> double_quoted() {
    add("");
    while (at_ < text_.size()) {
      const char c = text_[at_++];
      if (c == '"') {
        return {};
      }
      if (c == '$' || c == '`') {
        return needs_shell(c);
      }
      if (c != '\\' || at_ == text_.size()) {
        add(c);
        continue;
      }
      const char next = text_[at_++];
      if (std::string_view("$`\"\\\n").find(next) == std::string_view::npos) {
        add('\\');
      }
      if (next != '\n') {
        add(next);
      }
    }
    return fail(Code::kUsage, "the command has an opening \" without a closing one");
  }

  Result<void> escaped() {
    if (at_ == text_.size()) {
      return fail(Code::kUsage, "the command ends in a backslash that quotes nothing");
    }
    const char next = text_[at_++];
    if (next != '\n') {
      add(next);
    }
    return {};
  }

  static Result<void> needs_shell(char c) {
    return fail(Code::kUsage, std::string("the command uses ") + c +
                                  ", which only a shell understands: quote it, or use an image "
                                  "that has a shell");
  }

  void add(char c) { add(std::string_view(&c, 1)); }
  void add(std::string_view text) {
    Word& word = this->word();
    word.tilde = word.tilde && word.text.find('/') != std::string::npos;
    word.text.append(text);
    for (const char c : text) {
      if (std::string_view("*?[]{},~\\").find(c) != std::string_view::npos) {
        word.pattern += '\\';
      }
      word.pattern += c;
    }
  }
  void add_unquoted(char c) {
    const bool first = !word_;
    Word& word = this->word();
    word.tilde = word.tilde || (first && c == '~');
    word.comment = word.comment || (first && c == '#');
    word.expands = word.expands || std::string_view("*?[{").find(c) != std::string_view::npos;
    word.text += c;
    word.pattern += c;
  }
  Word& word() {
    if (!word_) {
      word_.emplace();
    }
    return *word_;
  }
  void end_word() {
    if (word_) {
      words_.push_back(std::move(*word_));
      word_.reset();
    }
  }

  std::string_view text_;
  std::size_t at_ = 0;
  bool line_ended_ = false;   // behind a word
  std::optional<Word> word_;  // engaged inside a word, which may be empty: ''
  std::vector<Word> words_;
};

}  // namespace

Result<std::vector<Word>> split_patterns(std::string_view text) { return Splitter(text).split(); }

Result<std::vector<std::string>> split_words(std::string_view text) {
  auto split = split_patterns(text);
  if (!split) {
    return tl::make_unexpected(split.error());
  }
  std::vector<std::string> words;
  words.reserve(split->size());
  for (Word& word : *split) {
    words.push_back(std::move(word.text));
  }
  return words;
}

}  // namespace rdev::process
