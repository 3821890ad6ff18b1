#pragma once

#include <boost/json/value.hpp>
#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "client/cluster/openpai/detail.h"
#include "client/cluster/openpai/errors.h"
#include "client/cluster/openpai/events.h"
#include "client/cluster/openpai/info.h"
#include "client/cluster/openpai/job_query.h"
#include "client/cluster/openpai/listing.h"
#include "client/cluster/openpai/login.h"
#include "client/cluster/openpai/resources.h"
#include "client/http/client.h"
#include "protocol/base/notify.h"

namespace rdev::cluster::openpai {

// A server, and who we are there.
struct Account {
  std::string cluster;          // its name, for messages
  http::Base url;               // of the API: behind the web portal it ends in /rest-server
  std::string user;             // empty: not known yet
  std::string token;            // empty: not logged in
  std::string login = "login";  // see Words
  // Where another process may have put a newer one, asked when the server refuses ours.
  std::function<Result<std::string>()> kept_token = {};
  http::TlsOptions tls;
};

// "USER~NAME", as paths have it.
std::string job_key(const std::string& user, const std::string& job);

// The REST API of an OpenPAI server, version 2. What the server refuses is an error of errors.h,
// what it cannot be asked one of http::Client. Bodies are never logged: a user's has private keys.
class Api final {
 public:
  explicit Api(Account account);

  const Account& account() const { return account_; }
  // The server's time by its last answer, as the Date header has it.
  const std::string& date() const { return client_.date(); }

  // Code::kUsage for a server that rdev cannot use.
  awaitable<Result<Info>> info();
  // A token. The password is not kept.
  awaitable<Result<std::string>> log_in(std::string user, std::string password);
  // Servers before 1.0 cannot be asked: it is then what the token says of itself.
  awaitable<Result<Claims>> claims();
  awaitable<Result<std::vector<std::string>>> own_virtual_clusters(std::string user);
  awaitable<Result<std::vector<VirtualCluster>>> virtual_clusters();
  // Of one virtual cluster, or of all.
  awaitable<Result<std::vector<Sku>>> skus(std::string virtual_cluster = {});
  awaitable<Result<std::vector<Storage>>> storages();
  // Code::kNotFound: the server has none of this name that the user may use.
  awaitable<Result<StorageDetail>> storage(std::string name);
  awaitable<Result<std::vector<StorageDetail>>> old_storages();

  // `words` are for the sentence when it is refused.
  awaitable<Result<void>> submit(std::string document, Words words);
  // Code::kNotFound: there is no such job. What it was less than a second ago is not asked again;
  // else the server says "unchanged" in a few bytes.
  awaitable<Result<JobDetail>> job(std::string key);
  awaitable<Result<std::vector<Event>>> events(std::string key);
  awaitable<Result<void>> stop(std::string key);
  // Of an earlier attempt; attempts count from 0.
  awaitable<Result<JobDetail>> attempt(std::string key, int number);
  // With the total. Servers before 1.2 answer all jobs of a user: the rest is done here.
  awaitable<Result<JobList>> jobs(JobQuery query);
  // The job's document as it was sent; the server gives no secrets back.
  awaitable<Result<boost::json::value>> document(std::string key);
  // Those of `user` that have not ended and whose name has `keyword` in it.
  awaitable<Result<std::vector<JobSummary>>> living_jobs(std::string user, std::string keyword);
  awaitable<Result<JobConfig>> config(std::string key);
  awaitable<Result<std::vector<LogLocation>>> log_locations(std::string path, std::string job);

 private:
  awaitable<Result<JobDetail>> ask_job(std::string key);
  awaitable<Result<http::Answer>> ask(http::Call call, Doing doing, Words words = {});
  awaitable<Result<http::Answer>> ask_as_us(http::Call call);
  awaitable<Result<http::Answer>> ask_once(http::Call call);
  bool has_newer_token();
  tl::unexpected<Error> refused(const http::Answer& answer, Doing doing, Words words) const;
  awaitable<Result<std::string>> get(std::string target, Doing doing, Words words = {},
                                     std::string before_1_0 = {});

  Account account_;
  http::Client client_;
  // Of the job that was asked for last: RFC 9110 section 13.1.2.
  struct Known {
    std::string key, etag;
    std::chrono::steady_clock::time_point asked;
    JobDetail detail;
  };
  std::optional<Known> known_;
  std::optional<base::Notify> asked_;  // while job() is asked: its end
};

}  // namespace rdev::cluster::openpai
