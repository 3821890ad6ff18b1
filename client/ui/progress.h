#pragma once

#include <chrono>
#include <string>
#include <utility>
#include <vector>

namespace rdev::ui {

enum class Terminal { kNo, kYes };

// Whether a descriptor is a terminal that can redraw a line (TERM=dumb cannot).
Terminal terminal_of(int fd);

// The stages of a longer work, on stderr, each with its time. On a terminal the current stage is
// redrawn in its line as it moves; elsewhere a stage is one line, printed when it has ended.
class Progress final {
 public:
  Progress(int fd, Terminal terminal) : fd_(fd), terminal_(terminal) {}
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;
  // Leaves no half-drawn line behind.
  ~Progress() { interrupt(); }

  // Ends the stage before, if any. The same stage again only changes the detail.
  void stage(const std::string& name, const std::string& detail = {});
  // Ends the current stage well.
  void done();
  // Ends it as it is, so that an error can be printed below.
  void interrupt();

  using Timings = std::vector<std::pair<std::string, std::chrono::steady_clock::duration>>;
  const Timings& timings() const { return timings_; }

 private:
  void draw(const std::string& detail);
  void write(const std::string& text) const;

  int fd_;
  Terminal terminal_;
  std::string current_;
  std::string drawn_detail_;
  std::chrono::steady_clock::time_point began_;
  Timings timings_;
};

}  // namespace rdev::ui
