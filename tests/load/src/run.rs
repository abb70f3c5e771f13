//! One run from start to report.

use std::{fs, net::SocketAddr, sync::Arc, time::Duration};

use clap::Parser as _;
use url::Url;

use crate::{
    Failure,
    broker::{Broker, Settings},
    connection::{Http, Target},
    database::Database,
    floor::{Floor, Sizes},
    generator::{Cast, Crew, Measured, OwnLease},
    memory::Memory,
    options::Options,
    prepare::{self, Wanted},
    principals::{Client, Principal},
    report::{Report, Row, Seeded},
    workload::{Operation, Workload},
};

/// Reads the command line, runs, and prints.
pub(crate) fn run() -> Result<(), Failure> {
    let options = Options::parse();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let report = runtime.block_on(async {
        tokio::select! {
            report = measure(&options) => report,
            _ = tokio::signal::ctrl_c() => Err("interrupted".into()),
        }
    })?;
    for row in &report.workloads {
        if let Some(error) = &row.first_error {
            eprintln!("leasehold-load: the first error: {error}");
        }
    }
    if options.json {
        println!("{}", report.json()?);
    } else {
        print!("{}", report.table());
    }
    Ok(())
}

async fn measure(options: &Options) -> Result<Report, Failure> {
    match &options.url {
        Some(url) => measure_running(options, url).await,
        None => measure_own(options).await,
    }
}

/// A broker that runs already: everything is asked for over the network.
async fn measure_running(options: &Options, url: &str) -> Result<Report, Failure> {
    let (http, grpc) = (address(url).await?, options.grpc.ok_or("--grpc is missing")?);
    let target = Target { http, grpc };
    let path = options.clients.as_ref().ok_or("--clients is missing")?;
    let clients = Client::read_all(&fs::read_to_string(path)?)?;
    let leases = vec![Vec::new(); clients.len()];
    let mut cast = cast(target, &clients, leases, options.services.clone()).await?;
    let wanted = options.workloads();
    let spare_wanted = if wanted.contains(&Workload::Revoke) { SPARE_OVER_NETWORK } else { 0 };
    let spare = borrow(target, &mut cast, options.leases as usize, spare_wanted).await?;
    let rows = measure_all(options, target, cast, spare).await?;
    Ok(Report { database: url.to_owned(), in_flight: options.in_flight, seeded: None, workloads: rows })
}

/// A broker of our own.
async fn measure_own(options: &Options) -> Result<Report, Failure> {
    let database = Database::open(&options.database, options.data_dir.as_deref()).await?;
    let measured = measure_on(options, &database).await;
    let name = database.name.to_owned();
    database.remove().await?;
    let (seeded, workloads) = measured?;
    Ok(Report { database: name, in_flight: options.in_flight, seeded, workloads })
}

async fn measure_on(options: &Options, database: &Database) -> Result<(Option<Seeded>, Vec<Row>), Failure> {
    let settings = Settings::new(&database.url, options.log.as_deref())?;
    let workloads = options.workloads();
    let most = options.principals as usize * SPARE_OF_EACH;
    let spare = if workloads.contains(&Workload::Revoke) { SPARE.min(most) } else { 0 };
    let wanted = Wanted {
        principals: options.principals as usize,
        leases: options.leases as usize,
        spare,
        in_all: options.seed_leases.unwrap_or_default() as usize,
    };
    let prepared = prepare::prepare(&settings.variables, &wanted).await?;
    database.settle().await?;
    let broker = Broker::start(&settings, options).await?;
    let idle = Memory::of(broker.process())?;
    let mut seeded = options.seed_leases.map(|_| Seeded::new(prepared.live, broker.ready, idle));
    let services = prepare::SERVICES.map(str::to_owned).to_vec();
    let cast = cast(settings.target, &prepared.clients, prepared.leases, services).await?;
    let rows = measure_all(options, settings.target, cast, prepared.spare).await?;
    if let Some(seeded) = &mut seeded {
        seeded.loaded(Memory::of(broker.process())?);
    }
    Ok((seeded, rows))
}

/// Each client with an access token.
async fn cast(
    target: Target,
    clients: &[Client],
    leases: Vec<Vec<String>>,
    services: Vec<String>,
) -> Result<Cast, Failure> {
    let mut http = Http::open(target.http).await?;
    let mut principals = Vec::with_capacity(clients.len());
    for (client, leases) in clients.iter().zip(leases) {
        let basic = client.basic()?;
        let answer: serde_json::Value = serde_json::from_slice(&http.token(&basic).await?)?;
        let token = answer.get("access_token").and_then(serde_json::Value::as_str);
        let bearer = format!("Bearer {}", token.ok_or("the answer has no access token")?).parse()?;
        principals.push(Principal { basic, bearer, leases });
    }
    Ok(Cast { principals, services })
}

/// Takes leases for everybody over the network; answers those that may be revoked.
async fn borrow(
    target: Target,
    cast: &mut Cast,
    leases: usize,
    spare: usize,
) -> Result<Vec<OwnLease>, Failure> {
    let channel = crate::connection::channel(target.grpc).await?;
    let mut grpc = crate::connection::Grpc::over(&channel);
    let mut spares = Vec::with_capacity(spare);
    let people = cast.principals.len();
    for number in 0..leases + spare {
        let place = number % people;
        let principal = cast.principals.get_mut(place).ok_or("nobody calls")?;
        let (_, id) = grpc.create(&principal.bearer, &cast.services).await?;
        if number < leases {
            principal.leases.push(id);
        } else {
            spares.push((place, id));
        }
    }
    Ok(spares)
}

async fn measure_all(
    options: &Options,
    target: Target,
    cast: Cast,
    spare: Vec<OwnLease>,
) -> Result<Vec<Row>, Failure> {
    let workloads = options.workloads();
    if workloads.is_empty() {
        return Ok(Vec::new());
    }
    let (cast, in_flight) = (Arc::new(cast), options.in_flight as usize);
    let mut broker = Crew::connect(target, &cast, in_flight, spare).await?;
    let mut sizes = Sizes::new();
    for operation in operations(&workloads) {
        sizes.insert(operation, broker.probe(operation).await?);
    }
    let floor = Floor::start(&sizes)?;
    let mut bare = Crew::connect(floor.target, &cast, in_flight, Vec::new()).await?;
    let mut rows = Vec::new();
    // Rounds of the floors that workloads were compared with.
    let mut floors: Vec<(Workload, Measured)> = Vec::new();
    for workload in workloads {
        if workload.floor().is_none() {
            let mut measured = Measured::new()?;
            bare.run(workload, Duration::from_secs_f64(options.warm_up), &mut Measured::new()?).await?;
            bare.run(workload, Duration::from_secs_f64(options.seconds), &mut measured).await?;
            rows.push(Row::new(workload, &measured, None));
            continue;
        }
        let (measured, beside) = measure_one(options, workload, &mut broker, &mut bare).await?;
        rows.push(Row::new(workload, &measured, beside.as_ref()));
        if let Some((beside, name)) = beside.zip(workload.floor()) {
            merge(&mut floors, name, beside)?;
        }
    }
    rows.extend(floors.iter().map(|(name, measured)| Row::new(*name, measured, None)));
    Ok(rows)
}

/// Rounds of a workload and of its floor in turns.
async fn measure_one(
    options: &Options,
    workload: Workload,
    broker: &mut Crew,
    bare: &mut Crew,
) -> Result<(Measured, Option<Measured>), Failure> {
    let warm_up = Duration::from_secs_f64(options.warm_up);
    let (mut measured, mut beside) = (Measured::new()?, Measured::new()?);
    broker.run(workload, warm_up, &mut Measured::new()?).await?;
    if !options.no_floor {
        bare.run(workload, warm_up, &mut Measured::new()?).await?;
    }
    for _ in 0..options.rounds {
        broker.run(workload, options.round(), &mut measured).await?;
        if !options.no_floor {
            bare.run(workload, options.round(), &mut beside).await?;
        }
    }
    Ok((measured, (!options.no_floor).then_some(beside)))
}

fn merge(floors: &mut Vec<(Workload, Measured)>, name: Workload, more: Measured) -> Result<(), Failure> {
    match floors.iter_mut().find(|(known, _)| *known == name) {
        Some((_, known)) => {
            known.add(&more)?;
            known.elapsed += more.elapsed;
        }
        None => floors.push((name, more)),
    }
    Ok(())
}

/// The operations that the workloads are made of.
fn operations(workloads: &[Workload]) -> impl Iterator<Item = Operation> + use<'_> {
    let made_of = |operation: &Operation| {
        workloads.iter().any(|workload| (0..100).any(|turn| workload.operation(turn) == *operation))
    };
    Operation::ALL.into_iter().filter(made_of)
}

/// The address that a URL names.
async fn address(url: &str) -> Result<SocketAddr, Failure> {
    let url: Url = url.parse()?;
    if url.scheme() != "http" {
        return Err("--url: the generator speaks plain HTTP alone".into());
    }
    let host = url.host_str().ok_or("--url: no host")?;
    let port = url.port_or_known_default().ok_or("--url: no port")?;
    let mut found = tokio::net::lookup_host((host, port)).await?;
    found.next().ok_or_else(|| "--url: the host has no address".into())
}

/// More than a measurement of revocations uses up in its time.
const SPARE: usize = 300_000;
/// Leaves room under the quota for what is taken.
const SPARE_OF_EACH: usize = 500;
/// As many take about ten seconds to borrow.
const SPARE_OVER_NETWORK: usize = 20_000;
