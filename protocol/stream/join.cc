#include "protocol/stream/join.h"

#include "protocol/base/notify.h"
#include "protocol/base/task_group.h"
#include "protocol/stream/pump_buffer.h"

namespace rdev::stream {
namespace {

struct Side {
  std::unique_ptr<Stream> stream;
  int lanes = 2;        // that have not come to their end
  bool closed = false;  // by its peer, or lost: there are no more events
  bool lost = false;

  // All that came has been passed on, and nothing will come.
  bool over() const { return closed && lanes == 0; }
};

class Join final {
 public:
  Join(const asio::any_io_executor& executor, std::unique_ptr<Stream> client,
       std::unique_ptr<Stream> service, Passed& passed)
      : client_{.stream = std::move(client)},
        service_{.stream = std::move(service)},
        passed_(passed),
        changed_(executor),
        tasks_(executor) {}

  awaitable<void> run() {
    co_await asio::this_coro::throw_if_cancelled(false);
    start(client_, service_, passed_.to_service);
    start(service_, client_, passed_.to_client);
    bool broken = false;
    while (!broken && !finished()) {
      co_await changed_.wait();
      const auto cancellation = co_await asio::this_coro::cancellation_state;
      broken = client_.lost || service_.lost ||
               cancellation.cancelled() != asio::cancellation_type::none;
    }
    if (broken) {
      client_.stream->break_off();
      service_.stream->break_off();
    }
    client_.stream->close();
    service_.stream->close();
    tasks_.cancel();
    co_await tasks_.wait();
  }

 private:
  void start(Side& from, Side& to, std::uint64_t& count) {
    tasks_.spawn("join data", pump(from, to, Lane::kData, count));
    tasks_.spawn("join stderr", pump(from, to, Lane::kStderr, count));
    tasks_.spawn("join events", pass_events(from, to));
  }

  bool finished() const {
    return service_.over() || (client_.over() && (service_.lanes > 0 || service_.closed));
  }

  // A sink that takes no more is no reason to stop reading: the source may wait for its bytes to
  // be taken before it looks at anything else.
  awaitable<void> pump(Side& from, Side& to, Lane lane, std::uint64_t& count) {
    PumpBuffer buffer(PumpBuffer::kForWrites);
    for (bool taken = true;;) {
      buffer.rest();
      co_await from.stream->wait_readable(lane);
      const auto n = co_await from.stream->read(buffer.space(), lane);
      if (!n) {
        from.lost = true;
        break;
      }
      if (*n == 0) {
        break;
      }
      const asio::const_buffer bytes = buffer.filled(*n);
      taken = taken && (co_await to.stream->write(bytes, lane)).has_value();
      count += taken ? *n : 0;
    }
    if (--from.lanes == 0 && !from.lost) {
      to.stream->write_eof();
    }
    changed_.notify();
  }

  awaitable<void> pass_events(Side& from, Side& to) {
    while (auto event = co_await from.stream->read_event()) {
      to.stream->send_event(*std::move(event));
    }
    from.closed = true;
    changed_.notify();
  }

  Side client_, service_;
  Passed& passed_;
  base::Notify changed_;
  base::TaskGroup tasks_;
};

}  // namespace

awaitable<void> join(std::unique_ptr<Stream> client, std::unique_ptr<Stream> service,
                     Passed& passed) {
  const auto executor = co_await asio::this_coro::executor;
  Join joined(executor, std::move(client), std::move(service), passed);
  co_await joined.run();
}

}  // namespace rdev::stream
