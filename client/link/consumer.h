#pragma once

#include <boost/asio/posix/stream_descriptor.hpp>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "client/link/cut.h"
#include "protocol/base/asio.h"
#include "protocol/base/fd.h"
#include "protocol/base/notify.h"
#include "protocol/mux/fair_turns.h"

namespace rdev::link_process {

// A process of the laptop that is connected to this link process: its socket with a bounded buffer
// each way. Shared by the link's tables and the two coroutines.
class Consumer final : public std::enable_shared_from_this<Consumer>, public mux::FairShare {
 public:
  enum class State {
    kNew,       // has not said what it is
    kWaiting,   // for the agent
    kAttached,  // has streams
    kPaused,    // the connection to the agent died; what it still sends goes nowhere
    kResuming,  // there is another; what it sends counts from its RESUME on
    kLost,      // its streams are over
  };
  class Owner {
   public:
    virtual ~Owner() = default;
    // A frame that is no stream's.
    virtual void on_control(Consumer& consumer, const Piece& frame) = 0;
    // front() is not empty any more.
    virtual void on_frames(Consumer& consumer) = 0;
    // How much may wait here of what one process sends.
    virtual std::size_t most_waiting() const = 0;
    // The process has gone or was cut off; once.
    virtual void on_gone(Consumer& consumer) = 0;
  };

  // `owner` must outlive the coroutines.
  Consumer(const asio::any_io_executor& executor, base::Fd socket, Owner& owner);
  Consumer(const Consumer&) = delete;
  Consumer& operator=(const Consumer&) = delete;

  // Both must run; they end when the process has gone.
  static awaitable<void> read(std::shared_ptr<Consumer> self);
  static awaitable<void> write(std::shared_ptr<Consumer> self);

  // --- Up: whole frames of its own streams, which wait to be taken. No more is read until they
  // are. ---
  std::string_view front() const { return {in_.get() + begin_, ready_ - begin_}; }
  void pop(std::size_t bytes);
  void drop_front() { pop(ready_ - begin_); }

  // --- Down ---
  // Passes whole frames on, from where they lie if the socket has room. A process that leaves more
  // than 64 MB unread is cut off.
  void send(std::string_view frames);
  void send(wire::Type type, std::string_view payload);
  // kWaiting, kPaused: the agent is there. `attached`: the message of that name.
  void attach(const std::string& attached);
  // kAttached, kResuming: the agent is not there any more.
  void pause(std::string_view reason);
  // Tells it why its streams are over; nothing follows.
  void lose(std::string_view reason, bool final);
  // What it did wrong.
  void cut_off(std::string_view reason);
  void close();

  bool gone() const { return gone_; }

  // The link's.
  State state = State::kNew;
  bool resuming = false;  // it came with streams
  std::uint32_t number = 0;
  std::string what;

 private:
  // Handles frames until there are some for the agent or no whole one is left. The error: a fault.
  Result<void> scan();
  bool takes_stream(const wire::Header& header);
  awaitable<bool> fill();

  asio::posix::stream_descriptor socket_;
  Owner& owner_;
  bool gone_ = false;

  std::unique_ptr<char[]> in_;
  std::size_t begin_ = 0;  // frames that wait
  std::size_t ready_ = 0;  // their end; then what was not looked at
  std::size_t end_ = 0;
  base::Notify taken_;

  std::string out_;      // waits
  std::string sending_;  // being written
  bool no_more_ = false;
  base::Notify queued_;
};

}  // namespace rdev::link_process
