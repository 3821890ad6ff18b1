#include "client/cluster/openpai/marks.h"

#include <algorithm>
#include <optional>

namespace rdev::cluster::openpai {

namespace json = boost::json;

namespace {

using Lines = std::vector<std::string>;

Lines lines_of(std::string_view text) {
  Lines lines;
  for (;;) {
    const std::size_t end = text.find('\n');
    lines.emplace_back(text.substr(0, end));
    if (end == std::string_view::npos) {
      return lines;
    }
    text.remove_prefix(end + 1);
  }
}

std::string joined(const Lines& lines) {
  std::string text;
  for (const std::string& line : lines) {
    text += (&line == lines.data() ? "" : "\n") + line;
  }
  return text;
}

std::string_view trimmed(std::string_view line) {
  const std::size_t first = line.find_first_not_of(" \t\r\n");
  return first == std::string_view::npos
             ? std::string_view()
             : line.substr(first, line.find_last_not_of(" \t\r\n") - first + 1);
}

bool runs_something(std::string_view line) {
  return !trimmed(line).empty() && !trimmed(line).starts_with('#');
}

std::string_view text_of(const json::value& item) { return item.get_string(); }

// The last ones of `all` without `tail`, if they end with it.
void drop_tail(Lines& all, const Lines& tail) {
  if (tail.size() <= all.size() &&
      std::equal(tail.begin(), tail.end(), all.end() - static_cast<std::ptrdiff_t>(tail.size()))) {
    all.resize(all.size() - tail.size());
  }
}

void append(Lines& all, const Lines& more) { all.insert(all.end(), more.begin(), more.end()); }

// The marks stand among other lines of their commands: all becomes one command of several lines.
std::string merged(const json::array& commands, const Marks& marks, const Insertion& insertion) {
  Lines lines = lines_of(text_of(commands[marks.start.item]));
  lines.resize(marks.start.line);
  Lines setup;
  for (const std::string& line : insertion.setup) {
    append(setup, lines_of(line));
  }
  if (insertion.again) {
    drop_tail(lines, setup);
  }
  append(lines, setup);
  append(lines, insertion.region);
  const Lines behind = lines_of(text_of(commands[marks.end.item]));
  lines.insert(lines.end(), behind.begin() + static_cast<std::ptrdiff_t>(marks.end.line) + 1,
               behind.end());
  return joined(lines);
}

}  // namespace

tl::expected<Marks, MarkProblem> find_marks(const json::array& commands) {
  std::optional<MarkLine> start, end;
  for (std::size_t item = 0; item < commands.size(); ++item) {
    const Lines lines = lines_of(text_of(commands[item]));
    const auto wrong = [&](std::size_t line, std::string_view mark, const char* what) {
      std::string text = "the mark " + std::string(mark);
      if (lines.size() > 1) {
        text += " in its line " + std::to_string(line + 1);
      }
      text += " ";
      text += what;
      return tl::make_unexpected(MarkProblem{.item = item, .what = std::move(text)});
    };
    for (std::size_t line = 0; line < lines.size(); ++line) {
      for (const std::string_view mark : {kStartMark, kEndMark}) {
        if (lines[line].find(mark) == std::string::npos) {
          continue;
        }
        std::optional<MarkLine>& place = mark == kStartMark ? start : end;
        if (trimmed(lines[line]) != mark) {
          return wrong(line, mark, "must be alone on its line");
        }
        if (place) {
          return wrong(line, mark, "is there for the second time");
        }
        if (mark == kEndMark && !start) {
          return wrong(line, mark, "must come after `#REMOTE_DEV_START`");
        }
        place = MarkLine{.item = item, .line = line};
      }
    }
  }
  if (start && !end) {
    return tl::make_unexpected(MarkProblem{.item = start->item,
                                           .what = "the mark " + std::string(kStartMark) +
                                                   " has no " + std::string(kEndMark) +
                                                   " after it"});
  }
  return start ? Marks{.found = true, .start = *start, .end = *end} : Marks{};
}

json::array insert(const json::array& commands, const Marks& marks, const Insertion& insertion) {
  const std::size_t first = marks.found ? marks.start.item : 0;
  const std::size_t behind = marks.found ? marks.end.item + 1 : 0;
  Lines items;
  for (std::size_t i = 0; i < first; ++i) {
    items.emplace_back(text_of(commands[i]));
  }
  const bool alone = !marks.found || (trimmed(text_of(commands[marks.start.item])) == kStartMark &&
                                      trimmed(text_of(commands[marks.end.item])) == kEndMark);
  if (alone) {
    if (insertion.again) {
      drop_tail(items, insertion.setup);
    }
    append(items, insertion.setup);
    append(items, insertion.region);
  } else {
    items.push_back(merged(commands, marks, insertion));
  }
  for (std::size_t i = behind; i < commands.size(); ++i) {
    items.emplace_back(text_of(commands[i]));
  }
  if (!insertion.command.empty() && (!insertion.again || items.back() != insertion.command)) {
    items.push_back(insertion.command);
  }
  json::array result;
  for (const std::string& item : items) {
    result.emplace_back(item);
  }
  return result;
}

bool has_commands_behind(const json::array& commands, const Marks& marks) {
  for (std::size_t item = marks.found ? marks.end.item : 0; item < commands.size(); ++item) {
    const Lines lines = lines_of(text_of(commands[item]));
    const std::size_t first = marks.found && item == marks.end.item ? marks.end.line + 1 : 0;
    if (std::any_of(lines.begin() + static_cast<std::ptrdiff_t>(first), lines.end(),
                    runs_something)) {
      return true;
    }
  }
  return false;
}

}  // namespace rdev::cluster::openpai
