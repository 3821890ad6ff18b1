#pragma once

#include <boost/asio/posix/stream_descriptor.hpp>
#include <memory>
#include <optional>
#include <string>

#include "agent/process/reaper.h"
#include "protocol/base/fd.h"
#include "protocol/base/notify.h"
#include "protocol/base/task_group.h"
#include "protocol/stream/stream.h"

namespace rdev::services {

// Our ends of a child's pipes, or of its terminal (then `error` is not set and `input` is unset:
// the master is `output`). All non-blocking.
struct ChildEnds {
  base::Fd input, output, error;
  bool terminal = false;
};

// Joins a stream to a running child until the child has ended and nothing is left to deliver.
//  - The child's end: its exit status goes out at once. With pipes, the stream closes when they are
//    at their end too, so a background process that holds one keeps it open, as with OpenSSH. With
//    a terminal, what is in it by then is delivered and the stream closes.
//  - The peer's close: output pipes are closed, the input pipe when it has taken what was sent; a
//    terminal is hung up. A child that this does not end is left alone.
class Attachment final {
 public:
  Attachment(const asio::any_io_executor& executor, std::unique_ptr<stream::Stream> stream,
             process::Child child, ChildEnds ends);
  Attachment(const Attachment&) = delete;
  Attachment& operator=(const Attachment&) = delete;

  // Before run(): what a terminal shows first.
  void greet(std::string text) { greeting_ = std::move(text); }

  // Once. Also ends when its coroutine is cancelled, which closes pipes and terminal.
  awaitable<void> run();

  // With a terminal only: SIGHUP to what runs on it.
  void hang_up();
  // Writes between two pieces of the output. Dropped while an earlier one still waits for the peer
  // to read.
  void announce(std::string text);

 private:
  using Descriptor = asio::posix::stream_descriptor;

  awaitable<void> feed_input();
  awaitable<void> follow_events();
  awaitable<void> send_lane(Descriptor& from, stream::Lane lane, bool& done);
  awaitable<void> report_end();
  awaitable<void> drain_terminal();
  awaitable<void> send_announcement(std::string text);
  awaitable<Result<void>> write_in_turn(asio::const_buffer bytes);

  bool finished() const;
  void obey(const stream::Event& event);
  void close_input();
  void output_ended(bool& done);
  void peer_gone();

  std::unique_ptr<stream::Stream> stream_;
  process::Child child_;
  bool terminal_;
  std::string greeting_;
  Descriptor output_;
  std::optional<Descriptor> input_, error_;
  base::TaskGroup tasks_;
  base::Notify changed_, turn_;
  bool writing_ = false, announcing_ = false;
  bool output_done_ = false, error_done_ = false, exited_ = false;
};

}  // namespace rdev::services
