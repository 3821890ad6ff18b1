#include "client/terminal/exit_code.h"

#include <gtest/gtest.h>

#include <csignal>

namespace rdev::terminal {
namespace {

TEST(ExitCode, IsTheCommandsOwn) {
  EXPECT_EQ(exit_code(stream::ExitStatus{.code = 0}), 0);
  EXPECT_EQ(exit_code(stream::ExitStatus{.code = 7}), 7);
  EXPECT_EQ(exit_code(stream::ExitStatus{.code = 255}), 255);
  EXPECT_EQ(exit_code(stream::ExitStatus{.code = 256}), 255);  // never 0
}

TEST(ExitCode, OfASignalIsThatOfAShell) {
  const std::pair<const char*, int> cases[] = {
      {"INT", 130},     {"TERM", 143},      {"KILL", 137},  {"BUS@rdev", 128 + SIGBUS},
      {"34@rdev", 162}, {"1000@rdev", 255}, {"@rdev", 255}, {"", 255},
      {"NEVER", 255},   {"-1", 255},
  };
  for (const auto& [name, code] : cases) {
    EXPECT_EQ(exit_code(stream::ExitSignal{.name = name, .message = {}}), code) << name;
  }
}

TEST(SignalName, IsWhatSignalNumberReads) {
  for (const int number : {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGBUS}) {
    EXPECT_EQ(signal_number(signal_name(number)), number);
  }
}

TEST(KilledSentence, NamesTheSignal) {
  EXPECT_EQ(killed_sentence({.name = "TERM", .message = {}}), "the command was killed by SIGTERM");
  EXPECT_EQ(killed_sentence({.name = "SEGV", .core_dumped = true, .message = {}}),
            "the command was killed by SIGSEGV (core dumped)");
  EXPECT_EQ(killed_sentence({.name = "BUS@rdev", .message = {}}),
            "the command was killed by SIGBUS");
  EXPECT_EQ(killed_sentence({.name = "34@rdev", .message = {}}),
            "the command was killed by signal 34");
}

}  // namespace
}  // namespace rdev::terminal
