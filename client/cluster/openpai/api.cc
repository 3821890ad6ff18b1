#include "client/cluster/openpai/api.h"

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <boost/url/encode.hpp>
#include <boost/url/rfc/unreserved_chars.hpp>

#include "client/cluster/openpai/read_json.h"

namespace rdev::cluster::openpai {
namespace {

namespace json = boost::json;

// A list of 50 000 jobs, which is as long as the server lets it become.
constexpr std::size_t kMaxList = 64U << 20U;
// Who asks whether and where a job runs asks twice in a row; all behind one address have 600 calls
// a minute.
constexpr std::chrono::milliseconds kOftenEnough{900};

std::string encoded(const std::string& text) {
  return boost::urls::encode(text, boost::urls::unreserved_chars);
}

template <class T>
Result<T> parsed(const Result<std::string>& body, Result<T> (*parse)(std::string_view)) {
  return body ? parse(*body) : tl::make_unexpected(body.error());
}

// Who waits for the answer goes on when it is there, or will not come.
class Asking final {
 public:
  explicit Asking(std::optional<base::Notify>& asked) : asked_(asked) {}
  Asking(const Asking&) = delete;
  Asking& operator=(const Asking&) = delete;
  ~Asking() { asked_.reset(); }

 private:
  std::optional<base::Notify>& asked_;
};

// The server itself does not know the call.
bool is_no_api(const http::Answer& answer) {
  return answer.status == 404 && answer.body.find("NoApiError") != std::string::npos;
}

std::string job_path(const std::string& key) { return "/api/v2/jobs/" + key; }

}  // namespace

std::string job_key(const std::string& user, const std::string& job) {
  return encoded(user) + "~" + encoded(job);
}

Api::Api(Account account)
    : account_(std::move(account)), client_({.base = account_.url, .tls = account_.tls}) {}

awaitable<Result<http::Answer>> Api::ask_once(http::Call call) {
  if (!account_.token.empty()) {
    call.headers.emplace_back("Authorization", "Bearer " + account_.token);
  }
  co_return co_await client_.call(std::move(call));
}

// A link process lives longer than a token.
bool Api::has_newer_token() {
  auto kept = account_.kept_token ? account_.kept_token() : std::string();
  if (!kept || kept->empty() || *kept == account_.token) {
    return false;
  }
  account_.token = *std::move(kept);
  return true;
}

awaitable<Result<http::Answer>> Api::ask_as_us(http::Call call) {
  auto answer = co_await ask_once(call);
  if (answer && answer->status == 401 && has_newer_token()) {
    answer = co_await ask_once(std::move(call));
  }
  co_return answer;
}

awaitable<Result<http::Answer>> Api::ask(http::Call call, Doing doing, Words words) {
  auto answer = co_await ask_as_us(std::move(call));
  if (!answer || answer->status / 100 == 2 || answer->status == 304) {
    co_return answer;
  }
  co_return refused(*answer, doing, std::move(words));
}

tl::unexpected<Error> Api::refused(const http::Answer& answer, Doing doing, Words words) const {
  words.cluster = account_.cluster;
  words.login = account_.login;
  if (words.user.empty()) {
    words.user = account_.user;
  }
  return tl::make_unexpected(explain(doing,
                                     {.status = answer.status,
                                      .content_type = answer.content_type,
                                      .body = answer.body,
                                      .retry_after = answer.retry_after},
                                     words));
}

// `before_1_0`: where older servers have it.
awaitable<Result<std::string>> Api::get(std::string target, Doing doing, Words words,
                                        std::string before_1_0) {
  http::Call call{.target = std::move(target), .headers = {}, .body = {}, .max_bytes = kMaxList};
  auto answer = co_await ask_as_us(call);
  if (answer && is_no_api(*answer) && !before_1_0.empty()) {
    call.target = std::move(before_1_0);
    answer = co_await ask_as_us(std::move(call));
  }
  if (!answer) {
    co_return tl::make_unexpected(answer.error());
  }
  if (answer->status / 100 != 2) {
    co_return refused(*answer, doing, std::move(words));
  }
  co_return std::move(answer->body);
}

awaitable<Result<Info>> Api::info() {
  auto answer = co_await client_.call({.target = "/api/v2/info"});
  if (answer && answer->status == 404) {  // before 1.0
    answer = co_await client_.call({.target = "/api/v1"});
  }
  if (answer && answer->status != 200) {
    co_return refused(*answer, Doing::kProbe, {});
  }
  auto info = answer ? parse_info(answer->body) : tl::make_unexpected(answer.error());
  const auto good = info ? check_supported(*info) : tl::make_unexpected(info.error());
  if (!good) {
    co_return tl::make_unexpected(good.error());
  }
  if (!info->auth) {
    const auto auth = parsed(co_await get("/api/v1/authn/info", Doing::kProbe), parse_auth);
    if (!auth) {
      co_return tl::make_unexpected(auth.error());
    }
    info->auth = *auth;
  }
  co_return info;
}

awaitable<Result<std::string>> Api::log_in(std::string user, std::string password) {
  http::Call call{
      .method = "POST",
      .target = "/api/v1/authn/basic/login",
      .headers = {{"Content-Type", "application/json"}},
      .body = json::serialize(json::object{{"username", user}, {"password", password}})};
  auto answer = co_await ask(std::move(call), Doing::kLogin, {.user = user});
  if (!answer) {
    co_return tl::make_unexpected(answer.error());
  }
  auto login = parse_login(answer->body);
  co_return login ? Result<std::string>(std::move(login->token))
                  : tl::make_unexpected(login.error());
}

awaitable<Result<Claims>> Api::claims() {
  http::Call call{.target = "/api/v2/tokens/check"};
  auto answer = co_await ask_as_us(std::move(call));
  if (!answer) {
    co_return tl::make_unexpected(answer.error());
  }
  if (is_no_api(*answer)) {
    co_return token_claims(account_.token);
  }
  if (answer->status != 200) {
    co_return refused(*answer, Doing::kCheckToken, {});
  }
  co_return parse_claims(answer->body);
}

awaitable<Result<std::vector<std::string>>> Api::own_virtual_clusters(std::string user) {
  co_return parsed(co_await get("/api/v2/users/" + encoded(user), Doing::kUser, {.user = user},
                                "/api/v1/user/" + encoded(user)),
                   parse_user_virtual_clusters);
}

awaitable<Result<std::vector<VirtualCluster>>> Api::virtual_clusters() {
  co_return parsed(
      co_await get("/api/v2/virtual-clusters", Doing::kClusters, {}, "/api/v1/virtual-clusters"),
      parse_virtual_clusters);
}

awaitable<Result<std::vector<Sku>>> Api::skus(std::string virtual_cluster) {
  std::string target = "/api/v2/cluster/sku-types";
  target += virtual_cluster.empty() ? "" : "?vc=" + encoded(virtual_cluster);
  co_return parsed(co_await get(std::move(target), Doing::kClusters,
                                {.virtual_cluster = std::move(virtual_cluster)}),
                   parse_sku_types);
}

awaitable<Result<std::vector<Storage>>> Api::storages() {
  co_return parsed(co_await get("/api/v2/storages", Doing::kStorages), parse_storages);
}

awaitable<Result<StorageDetail>> Api::storage(std::string name) {
  co_return parsed(
      co_await get("/api/v2/storages/" + encoded(name), Doing::kStorages, {.storage = name}),
      parse_storage);
}

awaitable<Result<std::vector<StorageDetail>>> Api::old_storages() {
  const auto configs = co_await get("/api/v2/storage/config", Doing::kStorages);
  if (!configs) {
    co_return tl::make_unexpected(configs.error());
  }
  const auto servers = co_await get("/api/v2/storage/server", Doing::kStorages);
  co_return servers ? parse_old_storages(*configs, *servers, account_.user)
                    : tl::make_unexpected(servers.error());
}

awaitable<Result<void>> Api::submit(std::string document, Words words) {
  http::Call call{.method = "POST",
                  .target = "/api/v2/jobs",
                  // Anything but text/… is not read at all.
                  .headers = {{"Content-Type", "text/yaml"}},
                  .body = std::move(document)};
  auto answer = co_await ask(std::move(call), Doing::kSubmit, std::move(words));
  co_return answer ? Result<void>() : tl::make_unexpected(answer.error());
}

awaitable<Result<JobDetail>> Api::job(std::string key) {
  while (asked_) {
    co_await asked_->wait();
  }
  const auto now = std::chrono::steady_clock::now();
  if (known_ && known_->key == key && now - known_->asked < kOftenEnough) {
    co_return known_->detail;
  }
  asked_.emplace(co_await asio::this_coro::executor);
  const Asking asking(asked_);
  co_return co_await ask_job(std::move(key));
}

awaitable<Result<JobDetail>> Api::ask_job(std::string key) {
  http::Call call{.target = job_path(key)};
  const auto now = std::chrono::steady_clock::now();
  const bool is_known = known_ && known_->key == key;
  if (is_known && !known_->etag.empty()) {
    call.headers.emplace_back("If-None-Match", known_->etag);
  }
  auto answer = co_await ask(std::move(call), Doing::kStatus, {.job = key});
  if (!answer) {
    co_return tl::make_unexpected(answer.error());
  }
  if (answer->status == 304 && known_ && known_->key == key) {
    known_->asked = now;
    co_return known_->detail;
  }
  auto detail = parse_job_detail(answer->body);
  if (detail) {
    known_ = Known{.key = std::move(key), .etag = answer->etag, .asked = now, .detail = *detail};
  }
  co_return detail;
}

awaitable<Result<JobDetail>> Api::attempt(std::string key, int number) {
  const std::string target = job_path(key) + "/attempts/" + std::to_string(number);
  co_return parsed(co_await get(target, Doing::kStatus, {.job = key}), parse_job_detail);
}

awaitable<Result<JobList>> Api::jobs(JobQuery query) {
  auto list = parsed(co_await get(job_query_target(query), Doing::kList), parse_jobs);
  if (!list || list->total) {
    co_return list;
  }
  if (query.users.size() > 1) {  // it took them for one name
    list = parsed(co_await get("/api/v2/jobs", Doing::kList), parse_jobs);
    if (!list) {
      co_return list;
    }
  }
  co_return filtered(std::move(*list), query);
}

awaitable<Result<boost::json::value>> Api::document(std::string key) {
  const auto body = co_await get(job_path(key) + "/config", Doing::kConfig, {.job = key});
  co_return body ? read_body(*body, "copy of the job's document")
                 : tl::make_unexpected(body.error());
}

awaitable<Result<std::vector<Event>>> Api::events(std::string key) {
  co_return parsed(co_await get(job_path(key) + "/events", Doing::kEvents, {.job = key}),
                   parse_events);
}

awaitable<Result<void>> Api::stop(std::string key) {
  http::Call call{.method = "PUT",
                  .target = job_path(key) + "/executionType",
                  .headers = {{"Content-Type", "application/json"}},
                  .body = R"({"value":"STOP"})",
                  .repeatable = true};
  auto answer = co_await ask(std::move(call), Doing::kStop, {.job = key});
  co_return answer ? Result<void>() : tl::make_unexpected(answer.error());
}

awaitable<Result<std::vector<JobSummary>>> Api::living_jobs(std::string user, std::string keyword) {
  // Servers before 1.2 know `username` only, and filter nothing else.
  const std::string target = "/api/v2/jobs?username=" + encoded(user) +
                             "&keyword=" + encoded(keyword) + "&state=WAITING,RUNNING,STOPPING";
  auto list = parsed(co_await get(target, Doing::kList), parse_jobs);
  if (!list) {
    co_return tl::make_unexpected(list.error());
  }
  std::erase_if(list->jobs, [&](const JobSummary& job) {
    return is_final(job.state) || job.user != user || job.name.find(keyword) == std::string::npos;
  });
  co_return std::move(list->jobs);
}

awaitable<Result<JobConfig>> Api::config(std::string key) {
  co_return parsed(co_await get(job_path(key) + "/config", Doing::kConfig, {.job = key}),
                   parse_job_config);
}

awaitable<Result<std::vector<LogLocation>>> Api::log_locations(std::string path, std::string job) {
  co_return parsed(co_await get(std::move(path), Doing::kLogs, {.job = std::move(job)}),
                   parse_log_locations);
}

}  // namespace rdev::cluster::openpai
