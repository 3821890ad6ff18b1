#pragma once

#include <string>
#include <string_view>

#include "client/terminal/output.h"
#include "protocol/base/notify.h"

namespace rdev::terminal {

// A descriptor that several write to, each with a label in front of its lines; lines stay whole.
class LabelledOutput final {
 public:
  LabelledOutput(const asio::any_io_executor& executor, int fd)
      : output_(executor, fd), changed_(executor) {}

  // Waits its turn, and for room.
  awaitable<Result<void>> write(std::string text);
  awaitable<Result<void>> flush() { return output_.flush(); }
  awaitable<Error> failure() { return output_.failure(); }

 private:
  awaitable<Result<void>> write_now(std::string_view text);

  Output output_;
  base::Notify changed_;
  bool busy_ = false;
};

// Makes labelled lines of the bytes of one writer. A line of more than kLongest bytes is cut in
// several.
class Labeller final {
 public:
  static constexpr std::size_t kLongest = 64U << 10U;

  explicit Labeller(std::string label) : label_(std::move(label)) {}

  // The lines that are whole by now, with a line end each.
  std::string add(std::string_view bytes);
  // What is left of a line without end; empty when there is nothing.
  std::string rest();

 private:
  std::string taken();

  std::string label_, line_;
};

}  // namespace rdev::terminal
