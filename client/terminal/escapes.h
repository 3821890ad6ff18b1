#pragma once

#include <string>
#include <string_view>

namespace rdev::terminal {

// The escapes that a user types at the start of a line, as in ssh: "~." "~?" "~~".
class Escapes final {
 public:
  enum class Action {
    kNone,  // all was consumed
    kEnd,   // "~."
    kHelp,  // "~?"
  };
  // Consumes typed bytes up to the first action and appends to `out` what is to be sent. A '~' that
  // may begin an escape is held back until the next byte.
  Action feed(std::string_view& typed, std::string& out);
  // No more bytes come: a '~' that was held back is to be sent.
  void finish(std::string& out);

 private:
  bool at_line_start_ = true;
  bool held_ = false;
};

}  // namespace rdev::terminal
