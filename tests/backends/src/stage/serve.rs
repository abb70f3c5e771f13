//! Connections: each request is read in full, recorded, met with its fault if one waits, and answered.

use std::{convert::Infallible, sync::Arc};

use axum::response::Response;
use http::Request;
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::{
    net::{TcpListener, TcpStream},
    task::JoinSet,
};

use super::{
    Actor, answer,
    call::Call,
    control,
    faults::{self, Closed},
};

/// Serves until it is dropped, which ends every connection.
pub(crate) async fn accept(listener: TcpListener, actor: Arc<Actor>) -> Infallible {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                // An error concerns one connection, or passes: too many open files, say.
                if let Ok((stream, _)) = accepted {
                    connections.spawn(serve(stream, Arc::clone(&actor)));
                }
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn serve(stream: TcpStream, actor: Arc<Actor>) {
    let _ = stream.set_nodelay(true);
    let service = service_fn(|request| respond(request, &actor));
    // An error is the caller's leaving, or a fault's closing.
    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}

async fn respond(request: Request<Incoming>, actor: &Actor) -> Result<Response, Closed> {
    let call = match Call::read(request).await {
        Ok(call) => call,
        Err(refusal) => return Ok(refusal),
    };
    if call.segments().first() == Some(&control::ROOT) {
        return Ok(control::answer(actor, &call));
    }
    let stage = &actor.stage;
    let _in_flight = stage.counters.enter();
    stage.records.add(&call, stage.clock.now());
    let carry_out = || actor.backend.answer(&call);
    let answer = match stage.faults.take(&call) {
        Some(fault) => faults::apply(fault, &stage.faults, &call, carry_out).await?,
        None => carry_out(),
    };
    if let Some(answer::Later(delay)) = answer.extensions().get() {
        // An answer that was asked for late; the caller waits in real time.
        tokio::time::sleep(*delay).await;
    }
    Ok(answer)
}
