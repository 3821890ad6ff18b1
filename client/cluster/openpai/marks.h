#pragma once

#include <boost/json/array.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/base/result.h"

namespace rdev::cluster::openpai {

// Comments that are no-ops to every shell, each alone on its line: what stands between them is
// rdev's.
inline constexpr std::string_view kStartMark = "`#REMOTE_DEV_START`";
inline constexpr std::string_view kEndMark = "`#REMOTE_DEV_END`";

// A line of one of the commands.
struct MarkLine {
  std::size_t item = 0, line = 0;
};

struct Marks {
  bool found = false;
  MarkLine start, end;
};

// What is wrong with the marks, and in which command.
struct MarkProblem {
  std::size_t item = 0;
  std::string what;
};

// `commands` must be strings.
tl::expected<Marks, MarkProblem> find_marks(const boost::json::array& commands);

// What is put among the commands.
struct Insertion {
  std::vector<std::string> setup;   // before the start mark
  std::vector<std::string> region;  // from mark to mark
  std::string command;              // behind all others; empty: none
  // `commands` have been through this already: what is there of `setup` and `command` stays.
  bool again = false;
};

// `region` in the place of the marks and what is between them, or before the first command. All
// else stays as it is.
boost::json::array insert(const boost::json::array& commands, const Marks& marks,
                          const Insertion& insertion);

// Whether something that a shell would run stands behind the marks; without marks: anywhere.
bool has_commands_behind(const boost::json::array& commands, const Marks& marks);

}  // namespace rdev::cluster::openpai
