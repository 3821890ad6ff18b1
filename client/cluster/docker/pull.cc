#include <boost/json/stream_parser.hpp>
#include <chrono>

#include "client/cluster/docker/image.h"
#include "protocol/base/with_timeout.h"

namespace rdev::cluster::docker {
namespace {

// The engine tells of each step; a layer that is long in unpacking is the longest silence.
constexpr auto kSilenceLimit = std::chrono::minutes(10);
constexpr std::size_t kMaxMessage = 1 << 20;

// Cuts a stream of JSON values into values.
class JsonCutter final {
 public:
  // Calls `take` with each value that `bytes` completes, until one fails.
  template <class Take>
  Result<void> feed(std::string_view bytes, Take take) {
    while (!bytes.empty()) {
      const auto blank = std::min(bytes.find_first_not_of(" \r\n\t"), bytes.size());
      if (size_ == 0 && blank > 0) {
        bytes.remove_prefix(blank);
        continue;
      }
      boost::system::error_code error;
      const std::size_t n = parser_.write_some(bytes.data(), bytes.size(), error);
      size_ += n;
      if (error || size_ > kMaxMessage) {
        return fail(Code::kProtocol, "the engine's account of the pull is not JSON: " +
                                         (error ? error.message() : "too long"));
      }
      bytes.remove_prefix(n);
      if (parser_.done()) {
        size_ = 0;
        const json::value value = parser_.release();
        parser_.reset();
        if (auto taken = take(value); !taken) {
          return taken;
        }
      }
    }
    return {};
  }

 private:
  json::stream_parser parser_;
  std::size_t size_ = 0;
};

bool contains(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

Request pull_request(const ImageName& name, const std::string& auth) {
  Request request;
  request.method = "POST";
  request.target = http::with_query("/images/create", "fromImage", name.repository) +
                   "&tag=" + name.version;  // of plain characters: parse_image() saw to it
  if (!auth.empty()) {
    request.headers.emplace_back("X-Registry-Auth", auth);
  }
  return request;
}

awaitable<Result<void>> follow(ResponseStream& stream, const std::string& image,
                               const Cluster::Progress& progress) {
  JsonCutter cutter;
  PullProgress account;
  std::string shown;
  std::vector<char> buffer(16384);
  const std::string stage = "pulling " + image;
  for (;;) {
    auto n = co_await base::with_timeout(stream.read(asio::buffer(buffer)), kSilenceLimit,
                                         "the next sign of life from the pull of " + image);
    if (!n) {
      co_return prefix(stage, n.error());
    }
    if (*n == 0) {
      co_return Result<void>();
    }
    auto fed = cutter.feed(std::string_view(buffer.data(), *n), [&](const json::value& message) {
      return account.take(message, image);
    });
    if (!fed) {
      co_return fed;
    }
    if (std::string text = account.text(); text != shown) {
      shown = std::move(text);
      progress(stage, shown);
    }
  }
}

}  // namespace

Result<void> PullProgress::take(const json::value& message, const std::string& image) {
  std::string error = text_at(message, "/errorDetail/message");
  if (error.empty()) {
    error = text_at(message, "/error");
  }
  if (!error.empty()) {
    return tl::make_unexpected(pull_error(image, 200, error));
  }
  const std::string id = text_at(message, "/id");
  if (id.empty()) {
    return {};  // the digest and the like
  }
  status_ = text_at(message, "/status");
  const std::int64_t total = int_at(message, "/progressDetail/total");
  if (status_ == "Downloading" && total > 0) {
    layers_[id] = Layer{int_at(message, "/progressDetail/current"), total};
  } else if (const auto known = layers_.find(id); known != layers_.end()) {
    known->second.current = known->second.total;
  }
  return {};
}

std::string PullProgress::text() const {
  std::int64_t current = 0;
  std::int64_t total = 0;
  for (const auto& [id, layer] : layers_) {
    current += layer.current;
    total += layer.total;
  }
  if (total == 0 || current == total) {
    return status_;
  }
  return std::to_string(100 * current / total) + " % of " + std::to_string(total / 1000000) + " MB";
}

Error pull_error(const std::string& image, int status, const std::string& message) {
  if (contains(message, "pull access denied") || contains(message, "unauthorized") ||
      contains(message, "denied: ") || contains(message, "no basic auth")) {
    return Error{Code::kNotFound, "image " + image +
                                      " not found, or it needs a login: check the name, or run "
                                      "`docker login` for its registry (" +
                                      message + ")"};
  }
  if (status == 404 || contains(message, "manifest unknown") || contains(message, "not found")) {
    return Error{Code::kNotFound, "image " + image +
                                      " not found: not on the engine and not in its "
                                      "registry; check name and tag (" +
                                      message + ")"};
  }
  if (contains(message, "no space left on device")) {
    return Error{Code::kLimit, "the engine's disk is full: no room for image " + image +
                                   "; `docker system prune` frees some (" + message + ")"};
  }
  if (contains(message, "no matching manifest")) {
    return Error{Code::kUsage,
                 "image " + image + " does not exist for the engine's platform (" + message + ")"};
  }
  if (contains(message, "dial tcp") || contains(message, "lookup ") ||
      contains(message, "Client.Timeout") || contains(message, "connection refused")) {
    return Error{Code::kNotFound, "image " + image +
                                      " is not on the engine, and its registry cannot be reached "
                                      "from there: check the name or the engine's network (" +
                                      message + ")"};
  }
  return Error{Code::kFailed, "pulling image " + image + " failed: " + message};
}

awaitable<Result<void>> pull_image(Engine& engine, std::string image, std::string auth,
                                   const Cluster::Progress& progress) {
  auto name = parse_image(image);
  if (!name) {
    co_return tl::make_unexpected(name.error());
  }
  progress("pulling " + image, "");
  auto stream = co_await engine.open(pull_request(*name, auth), kSilenceLimit);
  if (!stream) {
    co_return tl::make_unexpected(stream.error());
  }
  if ((*stream)->status() != 200) {
    Response response;
    response.status = (*stream)->status();
    auto body = co_await (*stream)->read_all(Engine::kMaxBody);
    response.body = body ? std::move(*body) : "";
    co_return tl::make_unexpected(pull_error(image, response.status, response.message()));
  }
  co_return co_await follow(**stream, image, progress);
}

}  // namespace rdev::cluster::docker
