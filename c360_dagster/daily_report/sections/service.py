"""Whether customers are served well: parcels and tickets."""

from c360_dagster import words
from c360_dagster.daily_report.facts import Facts, Service


def show_service(facts: Facts) -> list[str]:
    service = facts.service
    return ["<ul>", *(f"<li>{item}</li>" for item in _describe_service(service)), "</ul>"]


def _describe_service(service: Service) -> list[str]:
    items = []
    if service.due:
        on_time = 1 - service.due_late / service.due
        text = (
            f"Of {words.count(service.due, 'parcel')} promised for the last seven days, "
            f"{service.due_late:,} came late or have not come yet: {words.percent(on_time)} on time"
        )
        if service.due_before:
            before = 1 - service.due_late_before / service.due_before
            text += f", {words.percent(before)} in the seven days before"
        items.append(text + ".")
    else:
        items.append("No parcel was promised for the last seven days.")
    if service.overdue:
        items.append(
            f"{words.count(service.overdue, 'parcel is', 'parcels are')} overdue and still on "
            "the way."
        )
    text = f"{words.name(words.count(service.tickets_open, 'ticket is', 'tickets are'))} open"
    if service.tickets_urgent:
        text += f", {service.tickets_urgent:,} of them urgent or of high priority"
    if service.oldest_open:
        text += f"; the oldest since {words.day(service.oldest_open)}"
    items.append(text + ".")
    items.append(
        f"On this day {words.count(service.tickets_opened, 'ticket was', 'tickets were')} opened "
        f"and {f'{service.tickets_resolved:,}' if service.tickets_resolved else 'none'} resolved."
    )
    return items
