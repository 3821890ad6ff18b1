// A laptop's bytes into the agent's end of a link, from the first on: whatever comes, the link ends
// at worst, and nothing of it is left.

#include <boost/asio/io_context.hpp>
#include <cstdlib>

#include "agent/link/links.h"
#include "protocol/base/log.h"
#include "protocol/base/task_group.h"
#include "protocol/stream/fake.h"

namespace {

using namespace rdev;
using Offered = std::unique_ptr<link::Offer>;

awaitable<void> echo(Offered offer) {
  const auto stream = offer->accept();
  char buffer[64];
  for (;;) {
    const auto n = co_await stream->read(asio::buffer(buffer));
    if (!n || *n == 0 || !co_await stream->write(asio::buffer(buffer, *n))) {
      co_return;
    }
  }
}

awaitable<void> listen(agent_link::OpenChild open, Offered offer) {
  const auto stream = offer->accept("listening");
  const auto child = co_await open(Accepted());
  if (child) {
    (void)co_await (*child)->read_event();
  }
}

agent_link::Kinds kinds() {
  return {.session = [](const Session&, Offered offer) { return echo(std::move(offer)); },
          .tcp = [](const TcpTarget&, Offered offer) { return echo(std::move(offer)); },
          .listen = [](const Listen&, agent_link::OpenChild open,
                       Offered offer) { return listen(std::move(open), std::move(offer)); }};
}

awaitable<void> send(stream::Stream& carrier, std::string_view bytes) {
  (void)co_await carrier.write(asio::buffer(bytes));
  carrier.write_eof();
}

awaitable<void> receive(stream::Stream& carrier) {
  char buffer[4096];
  for (;;) {
    const auto n = co_await carrier.read(asio::buffer(buffer));
    if (!n || *n == 0) {
      co_return;
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const bool quiet = (base::set_log_level(base::LogLevel::kOff), true);
  static_cast<void>(quiet);
  asio::io_context context;
  const asio::any_io_executor executor = context.get_executor();
  agent_link::Options options{.self = {.job_name = "j", .program = "agent"},
                              .kinds = kinds(),
                              .vitals = [] { return Vitals(); },
                              .times = {.linger = std::chrono::milliseconds(0)}};
  agent_link::Links links(executor, std::move(options));
  base::TaskGroup tasks(executor);
  const auto answer = std::make_shared<stream::Answer>(executor);
  tasks.spawn("serve", links.serve({}, std::make_unique<stream::FakeOffer>(executor, answer)));
  context.run_one();
  while (!answer->answered()) {
    context.run_one();
  }
  const auto carrier = std::move(answer->peer);
  tasks.spawn("send", send(*carrier, {reinterpret_cast<const char*>(data), size}));
  tasks.spawn("receive", receive(*carrier));
  context.run();
  if (links.size() != 0 || tasks.size() != 0) {
    std::abort();
  }
  return 0;
}
