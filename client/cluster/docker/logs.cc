#include "client/cluster/docker/logs.h"

#include "client/cluster/docker/frames.h"

namespace rdev::cluster::docker {
namespace {

Result<void> decode(FrameDecoder& decoder, std::string_view input, const Cluster::LogSink& sink) {
  for (;;) {
    auto piece = decoder.next(input);
    if (!piece) {
      return tl::make_unexpected(piece.error());
    }
    if (!*piece) {
      return {};
    }
    sink((*piece)->bytes);
  }
}

}  // namespace

awaitable<Result<void>> read_logs(Engine& engine, std::string container, Cluster::Follow follow,
                                  Cluster::LogSink sink) {
  Request request;
  request.method = "GET";
  request.target = "/containers/" + container + "/logs?stdout=1&stderr=1" +
                   (follow == Cluster::Follow::kYes ? "&follow=1" : "");
  auto stream = co_await engine.open(std::move(request));
  if (!stream) {
    co_return tl::make_unexpected(stream.error());
  }
  if ((*stream)->status() != 200) {
    Response response;
    response.status = (*stream)->status();
    auto body = co_await (*stream)->read_all(Engine::kMaxBody);
    response.body = body ? std::move(*body) : "";
    co_return fail(response.status == 404 ? Code::kNotFound : Code::kFailed,
                   "logs of container " + container.substr(0, 12) + ": " + response.message());
  }
  FrameDecoder decoder;
  std::vector<char> buffer(65536);
  for (;;) {
    auto n = co_await (*stream)->read(asio::buffer(buffer));
    if (!n) {
      co_return prefix("logs", n.error());
    }
    if (*n == 0) {
      co_return Result<void>();
    }
    if (auto decoded = decode(decoder, std::string_view(buffer.data(), *n), sink); !decoded) {
      co_return decoded;
    }
  }
}

}  // namespace rdev::cluster::docker
