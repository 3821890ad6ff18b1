#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/base/asio.h"
#include "protocol/mux/mux.h"
#include "protocol/stream/stream.h"
#include "protocol/wire/frame.h"

namespace rdev::link {

// A stream that the peer asks for; accept with an answer when its kind has one.
class Offer : public stream::Offer {
 public:
  using stream::Offer::accept;
  virtual std::unique_ptr<stream::Stream> accept(std::string_view answer) = 0;
  virtual mux::StreamId id() const = 0;
};

struct Opened {
  std::unique_ptr<stream::Stream> stream;
  std::string answer;    // of the kind that was asked for, encoded
  mux::StreamId id = 0;  // the parent of what the peer may open below it
};

// Where streams end, on either side: a mux over one connection, as Streams. One thread.
class Endpoint final {
 public:
  class Handler {
   public:
    virtual ~Handler() = default;
    // `request` is an encoded StreamRequest; `parent` a stream of ours or 0.
    virtual void on_open(std::string_view request, mux::StreamId parent,
                         std::unique_ptr<Offer> offer) = 0;
    // A frame that is no stream's (heartbeats and the like); unknown types come here too and are
    // to be ignored. An error ends the connection; the peer learns of a Code::kProtocol one with
    // GOODBYE.
    virtual Result<void> on_frame(const wire::Frame& frame) = 0;
  };

  // `handler` must outlive the endpoint; streams and offers need not be gone before it is.
  Endpoint(const asio::any_io_executor& executor, const mux::Options& options, Handler& handler);
  Endpoint(const Endpoint&) = delete;
  Endpoint& operator=(const Endpoint&) = delete;
  ~Endpoint();

  // Carries frames over `carrier` (its data lane) until that ends, a fault (which is answered with
  // GOODBYE), end(), cancellation or another run(), which takes the streams over. Returns why.
  // Streams then wait for the next run(); on the client's side for its resume(), too. `first`:
  // whole frames to be sent ahead of everything; `goodbye_to_former`: what the GOODBYE to a carrier
  // that is replaced says.
  awaitable<Error> run(stream::Stream& carrier, std::string first = {},
                       std::string goodbye_to_former = {});
  // Makes run() return, after what was queued with send() has gone out.
  void end(Error why);
  // Every stream is over, and why; open() fails until the next run().
  void reset_all(std::string_view why);

  // Client: how long the line is, in microseconds; 0: not known. Windows grow no further from now
  // on than such a line needs.
  void set_round_trip(std::uint64_t microseconds);
  // Client: the connection that the carrier leads to is gone, or there again (Mux::resume()).
  void pause();
  void resume();
  // Agent: whose streams it holds.
  std::vector<std::uint32_t> consumers() const;

  // Queues a frame of the connection, at most wire::kMaxPayload; it goes ahead of all streams'
  // bytes. Before run() it is kept for it.
  void send(wire::Type type, std::string_view payload);

  // Waits until all that may be sent now is with the carrier, or run() ends.
  awaitable<Result<void>> flush();

  // Asks the peer for a stream and waits for its answer. Code::kClosed: the connection is gone;
  // other errors: refused, with stream::code_of() the peer's reason and its sentence.
  awaitable<Result<Opened>> open(std::string request, mux::StreamId parent = 0);

  // The consumer's process has gone (agent side).
  void detach(std::uint32_t consumer);

  std::size_t streams() const;
  std::size_t held() const;
  // Bytes of whole frames since the beginning.
  std::uint64_t bytes_in() const;
  std::uint64_t bytes_out() const;

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;  // shared with streams and offers
};

}  // namespace rdev::link
