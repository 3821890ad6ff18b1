#include "client/terminal/escapes.h"

#include <gtest/gtest.h>

#include <utility>

namespace rdev::terminal {
namespace {

struct Case {
  std::string typed;
  std::string sent;  // "<end>" and "<help>" where these actions come
};

const Case kCases[] = {
    {"", ""},
    {"ls\r", "ls\r"},
    {"~.", "<end>"},
    {"~?", "<help>"},
    {"~~", "~"},
    {"~", "~"},
    {"~x", "~x"},
    {"~\r~.", "~\r<end>"},
    {"~~.", "~."},
    {"~~~.", "~~."},
    {"~?~.", "<help><end>"},
    {"a~.", "a~."},
    {"a\r~.", "a\r<end>"},
    {"a\n~.", "a\n<end>"},
    {"a\r\n~.", "a\r\n<end>"},
    {"a\r~~.\r~.", "a\r~.\r<end>"},
    {"a\r~b~.", "a\r~b~."},
    {"cd ~/.ssh\r~?ls\r", "cd ~/.ssh\r<help>ls\r"},
    {"~.after the end", "<end>after the end"},
    {std::string("\0~.\xff\r~~", 7), std::string("\0~.\xff\r~", 6)},
};

void feed(Escapes& escapes, std::string_view typed, std::string& sent) {
  for (;;) {
    switch (escapes.feed(typed, sent)) {
      case Escapes::Action::kNone:
        EXPECT_TRUE(typed.empty());
        return;
      case Escapes::Action::kEnd:
        sent += "<end>";
        break;
      case Escapes::Action::kHelp:
        sent += "<help>";
        break;
    }
  }
}

TEST(Escapes, AreKnownAtALinesStartOnly) {
  for (const Case& c : kCases) {
    Escapes escapes;
    std::string sent;
    feed(escapes, c.typed, sent);
    escapes.finish(sent);
    EXPECT_EQ(sent, c.sent) << c.typed;
  }
}

TEST(Escapes, MayBeSplitAnywhere) {
  for (const Case& c : kCases) {
    const std::string_view typed = c.typed;
    for (std::size_t first = 0; first <= typed.size(); ++first) {
      for (std::size_t second = first; second <= typed.size(); ++second) {
        Escapes escapes;
        std::string sent;
        feed(escapes, typed.substr(0, first), sent);
        feed(escapes, typed.substr(first, second - first), sent);
        feed(escapes, typed.substr(second), sent);
        escapes.finish(sent);
        EXPECT_EQ(sent, c.sent) << c.typed << " at " << first << " and " << second;
      }
    }
  }
}

TEST(Escapes, HoldBackNoMoreThanTheTilde) {
  Escapes escapes;
  std::string sent;
  feed(escapes, "\r~", sent);
  EXPECT_EQ(sent, "\r");
  feed(escapes, "a~", sent);
  EXPECT_EQ(sent, "\r~a~");
}

}  // namespace
}  // namespace rdev::terminal
